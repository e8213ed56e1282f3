import {
  concat,
  flowLoss,
  input,
  mul,
  nn,
  type Params,
  packedWanTransformer,
  packPatches,
  perSlot,
  perToken,
  reshape,
  type Tensor,
  tokenWeights,
  type WanConfig,
} from 'tubelet'
import { channels, type NumberedClip, noiseOf, patch, timeOf, velocityTo } from './clip-transformer.ts'
import { type ClipSize, textDim, textLength } from './clips.ts'

/** How clips of many sizes lie in rows. */
export interface RowPlan {
  readonly placed: readonly (readonly number[])[] // numbers of clips by row, of the whole run, in order
  readonly rows: number // in a batch
  readonly length: number // tokens of a row
  readonly slots: number // clips of a row, at most
  readonly largest: ClipSize // longest, highest and widest clip
  readonly clip: (number: number) => NumberedClip
}

/** Tokens of a clip. */
export const tokensOf = ({ frames, height, width }: ClipSize): number =>
  (frames * height * width) / (patch[0] * patch[1] * patch[2])

/** Loss of packed rows, each clip at its own time and counting the same. */
export function rowLoss(p: Params, config: WanConfig, { rows: R, length: N, slots, largest }: Omit<RowPlan, 'clip'>) {
  const [frames, height, width] = [largest.frames, largest.height, largest.width].map((n, axis) => n / patch[axis])
  const predict = packedWanTransformer(p, config, { frames, height, width })
  const perRow = (name: string) => input(name, [R, N], 'int32')
  const told = {
    ...{ sample: perRow('sample'), frames: perRow('frames'), rows: perRow('rows'), columns: perRow('columns') },
    ...{ t: mul(input('t', [R, slots]), 1000), text: input('text', [R, slots, textLength, textDim]) },
  }
  const patches = (name: string, C = channels) => input(name, [R * N, C, ...patch])
  const [x0, eps, places, t] = [
    patches('x0'),
    patches('eps'),
    patches('places', nn.placeChannels),
    input('times', [R * N]),
  ]
  const weight = reshape(input('weight', [R * N]), [R * N, 1, 1, 1, 1])
  const velocity = (x: Tensor) => velocityTo(predict(concat([x, places], 1), told), x, t)
  return flowLoss(velocity, { x0, eps, t, weight })
}

/** The inputs of `rowLoss` for some of the rows of a plan. */
export function rowArrays(
  groups: RowPlan['placed'],
  { length, slots, clip }: Pick<RowPlan, 'length' | 'slots' | 'clip'>,
  seed: number,
) {
  const clips = groups.flat().map(clip)
  let next = 0
  const placed = groups.map((group) => group.map(() => next++))
  const packed = (channels: number, pixelsOf: (clip: NumberedClip) => Float32Array) =>
    packPatches(
      clips.map((one) => ({ ...one.planes, pixels: pixelsOf(one) })),
      { patch, channels, length, placed },
    )
  const rows = packed(channels, ({ planes }) => planes.pixels)
  const times = clips.map(({ number }) => timeOf(seed, number))
  return {
    ...{ x0: rows.patches, sample: rows.sample, frames: rows.frames, rows: rows.rows, columns: rows.columns },
    eps: packed(channels, ({ number, planes }) => noiseOf(seed, number, planes.pixels.length)).patches,
    places: packed(nn.placeChannels, ({ planes }) => placesOf(planes)).patches,
    t: perSlot(rows, { slots, size: 1 }, (k, into) => into.fill(times[k])),
    text: perSlot(rows, { slots, size: textLength * textDim }, (k, into) => into.set(clips[k].text)),
    times: perToken(rows, (k) => times[k]),
    weight: tokenWeights(rows),
  }
}

/** A run over all rows of a plan, once: what `learnClips` is given. */
export function rowRun(plan: RowPlan, config: WanConfig, seed: number) {
  const { placed, rows } = plan
  const steps = Math.floor(placed.length / rows)
  return {
    steps,
    samples: Math.round(placed.slice(0, steps * rows).flat().length / steps),
    build: (p: Params) => ({ loss: rowLoss(p, config, plan) }),
    batch: (step: number) => rowArrays(placed.slice((step % steps) * rows, ((step % steps) + 1) * rows), plan, seed),
  }
}

const known = new Map<string, Float32Array>()

/** The planes that tell where each pixel is, [14, T, H, W]. */
function placesOf({ frames, height, width }: ClipSize): Float32Array {
  const key = `${frames} ${height} ${width}`
  const planes = known.get(key) ?? nn.placePlanes({ frames, height, width })
  known.set(key, planes)
  return planes
}
