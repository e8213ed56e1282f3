import { join } from 'node:path'
import { flowEuler, interpolate } from '../diffusion/flow.ts'
import { sample } from '../diffusion/sample.ts'
import { readJson } from '../files/disk.ts'
import { weightsHash } from '../files/hash.ts'
import { cacheFolder } from '../files/packages.ts'
import type { Shape } from '../graph/index.ts'
import { wanConfig, wanTransformer } from '../models/sora.ts'
import { params } from '../nn/index.ts'
import { stream } from '../random.ts'
import { orRelease } from '../runtime/release-loaded.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { denoiser } from './denoiser.ts'
import { flowSchedule } from './flow-schedule.ts'
import { type LatentCache, latentCache } from './latent-cache.ts'
import { type LatentSet, normalised } from './latent-set.ts'
import { readPart } from './model-folder.ts'
import { textEncoder } from './open-text-to-video.ts'
import { usualDrawing } from './text-to-video.ts'
import { weightsFor } from './weights.ts'

/** Which latents are drawn. */
export interface DrawnLatentsOptions {
  readonly model: string // folder whose transformer draws
  readonly runtime: Runtime
  readonly pass: number // each has noise, prompts and beginnings of its own
  readonly frames: number // T' of what is drawn; the last one of a set of stills is repeated
  readonly onProgress?: (done: number, count: number) => void
}

/**
 * What a transformer draws of the drawings of a set as they are, normalised [C, T', H, W]: the latents as the decoder
 * meets them when a prompt is asked for, beside those of the encoder. Each is asked for by its label, from noise alone or,
 * from the second or third time of the usual drawing on, from its own latents under that much noise (Meng et al. 2022,
 * section 3). Kept on disk. Throws TubeletError('input') where the model's schedule is not that of a flow.
 */
export async function drawnLatents(set: LatentSet, options: DrawnLatentsOptions): Promise<LatentCache> {
  const { model, pass, frames } = options
  const count = set.originals
  const [channels, , ...sides] = set.latents.shape
  const shape = [channels, frames, ...sides]
  const hashes = await Promise.all(
    ['transformer', 'text_encoder', 'scheduler'].map((part) => weightsHash(join(model, part))),
  )
  const identity = { drawn: set.key, statistics: set.statistics, hashes, pass, shape, count }
  return latentCache({ identity, count, shape, cacheDir: join(cacheFolder(), 'latents') }, () =>
    drawn(set, shape, options),
  )
}

async function* drawn(
  set: LatentSet,
  [, T, ...sides]: Shape,
  options: DrawnLatentsOptions,
): AsyncGenerator<Uint8Array> {
  const { pass, onProgress } = options
  const count = set.originals
  const places = Array.from({ length: T }, (_, t) => Math.min(t, set.latents.shape[1] - 1))
  const painter = await openPainter(options, [T, ...sides])
  try {
    for (let i = 0; i < count; i++) {
      const random = stream({ seed: pass, purpose: 'drawn latents', sample: i })
      const label = set.labels[i][random.integer(set.labels[i].length)]
      const from = random.integer(3)
      const x = await painter.draw(label, normalised(set, i, places), { from, noise: random.normal })
      onProgress?.(i + 1, count)
      yield new Uint8Array(x.buffer, x.byteOffset, x.byteLength)
    }
  } finally {
    await painter.release()
  }
}

/** The transformer of a model folder, which draws one clip after the other as `generate` does, but from the middle on. */
async function openPainter({ model, runtime }: DrawnLatentsOptions, [frames, height, width]: Shape) {
  const { steps, guidance } = usualDrawing
  const schedule = flowSchedule(await readJson(join(model, 'scheduler', 'scheduler_config.json')))
  const scheduler = flowEuler(schedule, steps)
  const { config: json, arrays, folder: where } = await readPart(model, 'transformer', 'WanTransformer3DModel')
  const config = wanConfig(json)
  const p = params()
  wanTransformer(p, config) // declares its parameters
  const weights = weightsFor(p, arrays, { where })
  const text = await textEncoder(model, runtime)
  const program = await orRelease(text, () =>
    denoiser(runtime, {
      ...{ config, weights },
      shape: { batch: 1, frames, height, width, textLength: text.length, guided: true },
    }),
  )
  const unasked = await text.states('') // of the empty prompt, which guidance leads away from
  return {
    /** x0 under the noise of time number `from`, and from there to the end. */
    async draw(
      prompt: string,
      x0: Float32Array,
      { from, noise }: { from: number; noise: (count: number) => Float32Array },
    ): Promise<Float32Array> {
      const states = new Float32Array(2 * unasked.length)
      states.set(await text.states(prompt))
      states.set(unasked, unasked.length)
      const given = { text: states, guidance: Float32Array.of(guidance) }
      const fresh = () => noise(x0.length)
      let x = interpolate(x0, fresh(), [scheduler.sigmas[from]])
      const denoise = async (x: Float32Array, t: number) =>
        (await program.run({ x, t: Float32Array.of(t), ...given })).v as Float32Array
      for await (const state of sample({ scheduler, denoise, noise: fresh, x, from })) x = state.x
      return x
    },
    async release() {
      await program.release()
      await text.release()
    },
  }
}
