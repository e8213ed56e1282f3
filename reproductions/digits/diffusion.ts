import {
  costOf,
  type DDPMConfig,
  type Denoiser,
  type DiTConfig,
  ddpmConfig,
  denoising,
  dit,
  drawSamples,
  frechet,
  guidedDenoiser,
  input,
  type Learned,
  learnClassifier,
  noiseError,
  type OptimizerConfig,
  type Params,
  params,
  type ReproductionContext,
  rowsOf,
  schedulerFromConfig,
  type TrainConfig,
  type UNetConfig,
  unet,
  warmupCosine,
} from 'tubelet'
import { digitPictures, mnist, type Program, pictureGrid } from 'tubelet/node'

const [side, batch] = [16, 64]
const labels = { shape: [], dtype: 'int32' } as const // what a sample is told
const times = [20, 60, 120, 200, 300, 450, 600, 800]

/** A network of digits [B, 1, 16, 16] that is told their labels, by the parameters that it declares. */
export type DigitDenoiser = (p: Params) => Denoiser

/** A DiT as one; what all arms of the reproductions share of its config is `smallDiT`. */
export const ofDiT =
  (config: DiTConfig): DigitDenoiser =>
  (p) => {
    const predict = dit(p, config)
    return (x, t, { labels }) => predict(x, t, labels)
  }

/** A U-Net as one. */
export const ofUNet =
  (config: UNetConfig): DigitDenoiser =>
  (p) => {
    const predict = unet(p, config)
    return (x, t, { labels }) => predict(x, t, { labels })
  }

/** Four blocks of width 128 on patches of 4 × 4; on more and narrower tokens strokes did not yet hang together after as much compute. */
export const smallDiT = {
  block: 'adaLN-Zero',
  ...{ width: 128, depth: 4, heads: 4, mlpRatio: 4, patchSize: 4 },
  ...{ feedForward: 'gelu-approximate', qkvBias: true, normGain: false, eps: 1e-6, sharedEmbedding: true },
  ...{ imageSize: side, channels: 1, outChannels: 1, classes: 10 },
} satisfies DiTConfig

/** The process of DiT's reproductions, then its sampler. */
const process = ddpmConfig.parse({ beta_schedule: 'linear', variance_type: 'fixed_large' })
export const scheduler = { _class_name: 'DDPMScheduler', ...process }

/** How DiT's reproductions learn: the matrices of a transformer's blocks by Muon, all else by AdamW. */
const rate = 3e-3
const optimizer: OptimizerConfig = {
  ...{ beta2: 0.98, weightDecay: 0, clip: 1, ema: 0.99 },
  muon: (name, shape) => shape.length === 2 && /^transformer_blocks\.(?!.*norm).*weight$/.test(name),
}

/** How a network learns; what is absent is as in DiT's reproductions. */
interface Learning extends Partial<Pick<TrainConfig, 'lr' | 'optimizer'>> {
  readonly steps: number
  readonly config?: DDPMConfig
}

/** Samples of digits 0 to 9 in turn. */
interface Drawn {
  readonly row: Float32Array // the first ten, [10, 1, 16, 16]
  readonly distance: number // Fréchet distance of all from held-out digits
}

/** Handwritten digits for diffusion, and the classifier whose features are compared. */
export interface DigitDiffusion {
  learn(name: string, declare: DigitDenoiser, learning: Learning): Promise<Learned>
  load(declare: DigitDenoiser, weights: Learned['weights']): Promise<Program>
  /** Mean squared error of the noise on held-out digits by time; the same noise for all. */
  errors(program: Program, config?: DDPMConfig): Promise<[t: number, error: number][]>
  draw(program: Program, schedule: object, steps: number): Promise<Drawn>
  release(): Promise<void>
}

/** How much is measured. */
interface DigitSizes {
  readonly held: number // digits for the errors
  readonly drawn: number // samples
  readonly judging: number // steps of the classifier
}

/** Reads the digits and trains the classifier. */
export async function digitDiffusion(
  { runtime, seed, signal, report, learn }: ReproductionContext,
  { held: count, drawn, judging }: DigitSizes,
): Promise<DigitDiffusion> {
  const digits = digitPictures(await mnist({ split: 'train' }), side)
  const unseen = digitPictures(await mnist({ split: 'held-out' }), side)
  const few = Array.from({ length: count }, (_, i) => (i * 389) % unseen.count)
  const held = { pixels: rowsOf(unseen, few), labels: few.map((i) => unseen.labels.digit[i]) }
  report('training the classifier whose features are compared')
  const judge = await learnClassifier(digits, { runtime, seed, steps: judging, signal })
  const real = await judge.features(unseen.pixels)
  return {
    learn: (name, declare, { config = process, ...learning }) =>
      learn({
        ...{ name, seed, optimizer },
        lr: warmupCosine({ peak: rate, warmup: learning.steps >> 4, total: learning.steps }),
        ...denoising(digits, {
          ...{ batch, seed, config, build: declare },
          told: { labels: { ...labels, of: (chosen) => chosen.map((i) => digits.labels.digit[i]) } },
        }),
        ...learning,
      }),
    load: (declare, weights) =>
      guidedDenoiser(runtime, {
        ...{ build: declare, weights, shape: [batch, 1, side, side], guided: false },
        told: { labels },
      }),
    errors: (program, config = process) =>
      noiseError(program, held.pixels, {
        ...{ config, times, seed },
        told: (first) => ({ labels: Int32Array.from(held.labels.slice(first, first + batch)) }),
      }),
    async draw(program, schedule, steps) {
      const pixels = await drawSamples(program, {
        ...{ scheduler: schedulerFromConfig(schedule, steps), seed, count: drawn, signal },
        told: (first) => ({ labels: Int32Array.from({ length: batch }, (_, b) => (first + b) % 10) }),
      })
      return { row: pixels.slice(0, 10 * side * side), distance: frechet(await judge.features(pixels), real) }
    },
    release: () => judge.release(),
  }
}

/** Mean over the times of the errors. */
export const meanError = (errors: readonly (readonly [t: number, error: number])[]): number =>
  errors.reduce((sum, [, error]) => sum + error, 0) / errors.length

/** Weights, and multiply-adds for one picture, which Peebles & Xie call Gflops. */
export function sizesOf(declare: DigitDenoiser): { weights: number; multiplyAdds: number } {
  const p = params()
  const labels = input('labels', [1], 'int32')
  const y = declare(p)(input('x', [1, 1, side, side]), input('t', [1]), { labels })
  const weights = [...p.all.values()].reduce((sum, { tensor }) => sum + tensor.shape.reduce((a, b) => a * b, 1), 0)
  return { weights, multiplyAdds: costOf([y]).flops / 2 }
}

/** Rows of ten digits as a PNG. */
export const digitRows = (rows: readonly Float32Array[]): Promise<Uint8Array> =>
  pictureGrid(new Float32Array(rows.flatMap((row) => [...row])), {
    ...{ channels: 1, height: side, width: side, columns: 10, scale: 4 },
  })
