import { join } from 'node:path'
import { interpolate } from '../diffusion/flow.ts'
import { sample } from '../diffusion/sample.ts'
import { schedulerFromConfig } from '../diffusion/scheduler.ts'
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
import { type LatentCache, latentCache } from './latent-cache.ts'
import { type LatentSet, normalised } from './latent-set.ts'
import { readPart } from './model-folder.ts'
import { textEncoder } from './open-text-to-video.ts'
import { conditions } from './prompt-model.ts'
import { usualDrawing } from './text-to-video.ts'
import { weightsFor } from './weights.ts'

/** Which latents are drawn. */
export interface DrawnLatentsOptions {
  readonly model: string // folder whose transformer draws
  readonly runtime: Runtime
  readonly copy: number // 0: the drawings as they are; n: their n-th changed copies
  readonly pass: number // each has noise, prompts and beginnings of its own
  readonly frames: number // T' of what is drawn; the last one of a set of stills is repeated
  readonly onProgress?: (done: number, count: number) => void
}

/**
 * What a transformer draws of the drawings of a set, normalised [C, T', H, W]: the latents as the decoder meets them
 * when a prompt is asked for, beside those of the encoder. A drawing as it is is asked for by its label, from noise alone
 * or at the second or third time of the usual drawing from its own latents under that much noise (Meng et al. 2022,
 * section 3); a changed copy by one of its prompts, which may fit others too, and at one of those two times. Kept on disk.
 */
export async function drawnLatents(set: LatentSet, options: DrawnLatentsOptions): Promise<LatentCache> {
  const { model, copy, pass, frames } = options
  const count = set.originals
  const [channels, , ...sides] = set.latents.shape
  const shape = [channels, frames, ...sides]
  const hashes = await Promise.all(
    ['transformer', 'text_encoder', 'scheduler'].map((part) => weightsHash(join(model, part))),
  )
  const identity = { from: 'noise', drawn: set.key, statistics: set.statistics, hashes, copy, pass, shape, count }
  return latentCache({ identity, count, shape, cacheDir: join(cacheFolder(), 'latents') }, () =>
    drawn(set, shape, options),
  )
}

async function* drawn(
  set: LatentSet,
  [, T, ...sides]: Shape,
  options: DrawnLatentsOptions,
): AsyncGenerator<Uint8Array> {
  const { copy, pass, onProgress } = options
  const count = set.originals
  const places = Array.from({ length: T }, (_, t) => Math.min(t, set.latents.shape[1] - 1))
  const painter = await openPainter(options, [T, ...sides])
  try {
    for (let i = 0; i < count; i++) {
      const index = copy * set.originals + i
      const random = stream({ seed: pass, purpose: 'drawn latents', sample: index })
      const ways = copy === 0 ? set.labels[i] : set.prompts[index]
      const prompt = ways[random.integer(ways.length)]
      const from = copy === 0 ? random.integer(3) : 1 + random.integer(2)
      const x = await painter.draw(prompt, normalised(set, index, places), { from, noise: random.normal })
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
  const scheduler = schedulerFromConfig(await readJson(join(model, 'scheduler', 'scheduler_config.json')), steps)
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
  return {
    /** x0 under the noise of step `from`, and from there to the end. */
    async draw(
      prompt: string,
      x0: Float32Array,
      { from, noise }: { from: number; noise: (count: number) => Float32Array },
    ): Promise<Float32Array> {
      const states = await conditions(text, { prompt, negativePrompt: '' }, true)
      const given = { text: states, guidance: Float32Array.of(guidance) }
      let x = interpolate(x0, noise(x0.length), [scheduler.timesteps[from] / 1000])
      const denoise = async (x: Float32Array, t: number) =>
        (await program.run({ x, t: Float32Array.of(t), ...given })).v as Float32Array
      for await (const state of sample({ scheduler, denoise, x, from })) x = state.x
      return x
    },
    async release() {
      await program.release()
      await text.release()
    },
  }
}
