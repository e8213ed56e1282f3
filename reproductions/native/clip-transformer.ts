import {
  div,
  drawSamples,
  flowLoss,
  guidedDenoiser,
  input,
  type Learned,
  logitNormalTimes,
  maximum,
  mul,
  nn,
  type Params,
  type ReproductionContext,
  reshape,
  schedulerFromConfig,
  stream,
  sub,
  type Tensor,
  type TrainConfig,
  type WanConfig,
  wanConfig,
  wanTransformer,
  warmupCosine,
} from 'tubelet'
import { joined } from '../digits/pictures.ts'
import { type ClipSize, type ToldClip, textDim, textLength } from './clips.ts'

// A text-to-video transformer on the pixels of moving shapes: what the reproductions of Sora have in common.

/** Frames, rows and columns of a patch. */
export const patch = [1, 4, 4] as const
/** Red, green and blue. */
export const channels = 3
const shift = 3 // of training times towards noise, where the text decides what will be seen
const leastTime = 0.05 // for the velocity
const scheduler = { _class_name: 'FlowMatchEulerDiscreteScheduler', num_train_timesteps: 1000 }
const [drawingSteps, drawnTogether] = [24, 48]

/** The transformer of the shipped model, small: pixels and their places in, pixels out. */
export const clipConfig = ({ width, depth }: { width: number; depth: number }): WanConfig =>
  wanConfig({
    ...{ num_attention_heads: 4, attention_head_dim: width / 4, num_layers: depth, ffn_dim: 4 * width },
    ...{ in_channels: channels + nn.placeChannels, out_channels: channels, patch_size: patch },
    ...{ text_dim: textDim, freq_dim: 64 },
  })

/** Velocity of noisy clips [B, 3, T, H, W] at times [B] in 0…1000, for texts [B, 3, 16]. */
export function clipTransformer(p: Params, config: WanConfig) {
  const predict = wanTransformer(p, config)
  return (x: Tensor, time: Tensor, text: Tensor): Tensor =>
    velocityTo(predict(nn.withPlaces(x), time, text), x, mul(time, 1e-3))
}

/**
 * The velocity that leads from x to clean pixels x0, [B, ...] each, at times [B] in 0…1. The network tells clean pixels and
 * not the velocity, as a token of few numbers cannot hold the noise of its patch beside them (Li & He 2025, arXiv:2511.13720).
 */
export function velocityTo(x0: Tensor, x: Tensor, t: Tensor): Tensor {
  const times = reshape(maximum(t, leastTime), [x.shape[0], ...x.shape.slice(1).map(() => 1)])
  return div(sub(x, x0), times)
}

/** A clip in training: its number in the run, of which alone depend its noise and its time. */
export interface NumberedClip extends ToldClip {
  readonly number: number
}

/** Standard normal noise of a clip. */
export const noiseOf = (seed: number, number: number, count: number): Float32Array =>
  stream({ seed, purpose: 'noise', sample: number }).normal(count)

/** The time of a clip in 0…1. */
export const timeOf = (seed: number, number: number): number =>
  logitNormalTimes(stream({ seed, purpose: 'time', sample: number }).normal(1), { shift })[0]

/** Loss of n clips of one size; `name` stands before the names of its inputs. */
export function clipLoss(
  predict: ReturnType<typeof clipTransformer>,
  n: number,
  { frames, height, width }: ClipSize,
  name = '',
): Tensor {
  const clips = (what: string) => input(`${name}${what}`, [n, channels, frames, height, width])
  const text = input(`${name}text`, [n, textLength, textDim])
  const flow = { x0: clips('x0'), eps: clips('eps'), t: input(`${name}t`, [n]) }
  return flowLoss((xt, time) => predict(xt, time, text), flow)
}

/** The inputs of `clipLoss`. */
export function clipArrays(clips: readonly NumberedClip[], seed: number, name = ''): Record<string, Float32Array> {
  const noise = clips.map(({ number, planes }) => noiseOf(seed, number, planes.pixels.length))
  return {
    [`${name}x0`]: joined(clips.map(({ planes }) => planes.pixels)),
    [`${name}eps`]: joined(noise),
    [`${name}t`]: Float32Array.from(clips, ({ number }) => timeOf(seed, number)),
    [`${name}text`]: joined(clips.map(({ text }) => text)),
  }
}

/** Trains an arm; those of a reproduction differ in nothing but what is given here. */
export const learnClips = (
  run: Pick<TrainConfig, 'name' | 'steps' | 'samples' | 'build' | 'batch'>,
  { seed, learn }: Pick<ReproductionContext, 'seed' | 'learn'>,
): Promise<Learned> =>
  learn({
    ...{ ...run, seed },
    lr: warmupCosine({ peak: 3e-3, warmup: Math.ceil(run.steps / 20), total: run.steps }),
    optimizer: {
      ...{ beta2: 0.98, weightDecay: 0.01, clip: 1, ema: 0.99 },
      muon: (name, shape) => shape.length === 2 && /^blocks\..*weight$/.test(name),
    },
  })

/** Draws a clip [3, T, H, W] for each text, as many as fill batches of 48; equal seeds begin with equal noise. */
export async function drawClips(
  { weights, config }: { weights: Learned['weights']; config: WanConfig },
  texts: readonly Float32Array[],
  { frames, height, width, runtime, seed, signal }: ClipSize & Pick<ReproductionContext, 'runtime' | 'seed' | 'signal'>,
): Promise<Float32Array[]> {
  const shape = [drawnTogether, channels, frames, height, width]
  const program = await guidedDenoiser(runtime, {
    build(p) {
      const predict = clipTransformer(p, config)
      return (x, t, { text }) => predict(x, t, text)
    },
    ...{ weights, shape, told: { text: { shape: [textLength, textDim] } }, guided: false },
  })
  const pixels = await drawSamples(program, {
    scheduler: schedulerFromConfig(scheduler, drawingSteps),
    ...{ seed, count: texts.length, signal },
    told: (first) => ({ text: joined(texts.slice(first, first + drawnTogether)) }),
  })
  await program.release()
  const size = pixels.length / texts.length
  return texts.map((_, i) => pixels.subarray(i * size, (i + 1) * size))
}
