import { stoppedError, TubeletError } from '../errors.ts'
import type { Clip } from '../files/clip.ts'
import type { VideoFrames } from '../files/ffmpeg.ts'
import { decodePicture, readPicture } from '../files/picture-file.ts'
import { nodeRuntime } from '../runtime/node.ts'
import type { Device, Runtime } from '../runtime/runtime.ts'
import type { ClipSize } from './clip-size.ts'

/** A picture: frames in memory, the bytes of a picture file, or the path of a picture, clip or video. */
export type Picture = Clip | Uint8Array | string

/** What happens while a pipeline is loaded and while it works. */
export type PipelineEvent =
  | { readonly kind: 'load'; readonly part?: string; readonly done: number; readonly total: number } // which is read next
  | { readonly kind: 'label'; readonly done: number; readonly total: number } // labels that were read
  | { readonly kind: 'item'; readonly done: number; readonly total: number } // pictures or texts of a list
  | { readonly kind: 'step'; readonly step: number; readonly steps: number; readonly preview: () => Promise<Clip> }

/** How a pipeline is made; all of it is optional. */
export interface PipelineOptions {
  /** Stops loading, and every call. */
  readonly signal?: AbortSignal
  readonly onProgress?: (event: PipelineEvent) => void
  /** Where programs run; default `nodeRuntime()`. */
  readonly runtime?: Runtime
  /** Of what text-to-video draws; that of the model's training where absent. */
  readonly size?: Partial<ClipSize>
  /** Where vectors of labels are kept, so that a later process need not compute them; nowhere where absent. */
  readonly cacheDir?: string
}

/** What each call of a pipeline takes beside its input. */
export interface CallOptions {
  /** Stops this call between two pictures, texts or steps. */
  readonly signal?: AbortSignal
}

/** What every pipeline has; `await using` releases it where its scope ends. */
export interface Releasable extends AsyncDisposable {
  readonly device: Device
  /** Frees the memory of its programs; a call after it is an error. */
  release(): Promise<void>
}

/** A call that takes one thing, or a list of them and gives a list. */
export interface OneOrMany<In, Out, Rest extends unknown[]> {
  (one: In, ...rest: Rest): Promise<Out>
  (many: readonly In[], ...rest: Rest): Promise<Out[]>
}

/** What the pipelines have in common: loading part by part, calls over lists, stopping, release. */
export interface PipelineFrame {
  readonly runtime: Runtime
  readonly options: PipelineOptions
  /** Tells that a part is loaded next; throws TubeletError('stopped') where that is not wanted any more. */
  part(name: string): void
  /** Throws where work must not go on: the pipeline was released, or a signal was aborted. */
  check(call?: CallOptions): void
  /** One result for one item, a list for a list. */
  each<In, Out>(
    given: In | readonly In[],
    call: CallOptions | undefined,
    work: (item: In) => Promise<Out>,
  ): Promise<Out | Out[]>
  /** The function with what every pipeline has; `parts` are released in this order. */
  finish<F extends object>(call: F, parts: readonly { release(): Promise<void> }[]): F & Releasable
}

/** The frame of one pipeline whose parts have these names. */
export function pipelineFrame(options: PipelineOptions, parts: readonly string[]): PipelineFrame {
  const { signal, onProgress, runtime = nodeRuntime() } = options
  let released = false
  const check = (call: CallOptions = {}) => {
    if (released) throw new TubeletError('usage', 'the pipeline was released, so it cannot be called')
    for (const asked of [signal, call.signal]) if (asked?.aborted) throw stoppedError({ cause: asked.reason })
  }
  return {
    ...{ runtime, options, check },
    part(part) {
      check()
      onProgress?.({ kind: 'load', part, done: parts.indexOf(part), total: parts.length })
    },
    async each<In, Out>(given: In | readonly In[], call: CallOptions | undefined, work: (item: In) => Promise<Out>) {
      check(call)
      if (!Array.isArray(given)) return work(given as In)
      const results: Out[] = []
      for (const item of given as readonly In[]) {
        check(call)
        results.push(await work(item))
        onProgress?.({ kind: 'item', done: results.length, total: given.length })
      }
      return results
    },
    finish(call, held) {
      const release = async () => {
        if (released) return
        released = true
        for (const part of held) await part.release()
      }
      onProgress?.({ kind: 'load', done: parts.length, total: parts.length })
      return Object.assign(call, { device: runtime.device, release, [Symbol.asyncDispose]: release })
    },
  }
}

/** The frames of a picture that is given in any form, and of a video those that are asked for. */
export async function framesOf(picture: Picture, video?: VideoFrames): Promise<Clip> {
  if (typeof picture === 'string') return readPicture(picture, { video })
  return picture instanceof Uint8Array ? decodePicture(picture) : picture
}

/** Frames of a clip that CLIP looks at, evenly over it. */
export const clipLooks = 16
