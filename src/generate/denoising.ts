import type { LabelledPictures } from '../data/labelled-pictures.ts'
import { type NoisyBatch, type NoisyBatchOptions, noisyBatches } from '../data/labelled-pictures.ts'
import type { DDPMConfig } from '../diffusion/ddpm.ts'
import { ddpmLoss } from '../diffusion/ddpm-loss.ts'
import { alphaBars } from '../diffusion/schedule.ts'
import { type DType, input, type Shape } from '../graph/index.ts'
import type { Params } from '../nn/index.ts'
import type { Denoiser } from './guided-denoiser.ts'

/** What a denoiser is told of each sample beside x and t, such as its label or the states of its prompt. */
export interface Told {
  readonly shape: Shape // of one sample's
  readonly dtype?: DType
  /** That of the samples of a step, [B, ...]; a function of both alone. */
  readonly of: (chosen: NoisyBatch['chosen'], step: number) => Float32Array | Int32Array
}

/** A denoising diffusion model to be trained. */
export interface DenoisingOptions extends Omit<NoisyBatchOptions, 'times'> {
  readonly build: (p: Params) => Denoiser
  readonly config: DDPMConfig
  readonly told: Readonly<Record<string, Told>>
}

/**
 * The parts of a run that trains a denoiser on pictures or latents in memory, by `ddpmLoss`: what is minimised, and the
 * batch of each step.
 */
export function denoising(
  set: Pick<LabelledPictures, 'count' | 'shape' | 'pixels'>,
  { build, config, told, batch, seed }: DenoisingOptions,
) {
  const draws = noisyBatches(set, { batch, seed, times: alphaBars(config).length })
  const names = Object.entries(told)
  return {
    samples: batch,
    build(p: Params) {
      const predict = build(p)
      const x = [batch, ...set.shape]
      const inputs = { x0: input('x0', x), eps: input('eps', x), t: input('t', [batch], 'int32') }
      const given = names.map(([name, { shape, dtype }]) => [name, input(name, [batch, ...shape], dtype)] as const)
      return { loss: ddpmLoss((x, t) => predict(x, t, Object.fromEntries(given)), inputs, config).loss }
    },
    batch(step: number) {
      const { chosen, x0, eps, t } = draws(step)
      return { x0, eps, t, ...Object.fromEntries(names.map(([name, { of }]) => [name, of(chosen, step)])) }
    },
  }
}
