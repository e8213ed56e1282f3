import { TubeletError } from '../errors.ts'
import { pack } from './pack.ts'

/** A picture or clip of any size: planes [C, T, H, W]. */
export interface Planes {
  readonly pixels: Float32Array
  readonly frames?: number // T; 1
  readonly height: number
  readonly width: number
}

/** Where each token of packed rows comes from; R rows of N tokens. */
export interface PackedRows {
  readonly patches: Float32Array // [R, N, C · patch]
  /** Place of a token in its sample, counted in patches, each [R, N]. */
  readonly frames: Int32Array
  readonly rows: Int32Array
  readonly columns: Int32Array
  /** The middle of the patch as a part of the sample's height and width, each [R, N]. */
  readonly down: Float32Array
  readonly across: Float32Array
  readonly sample: Int32Array // [R, N]: which of the samples of its row, −1 where a token fills up
  readonly placed: readonly (readonly number[])[] // placed[r][s] is the number of the sample in slot s of row r
  readonly lengths: readonly number[] // tokens of each sample
}

interface PackingOptions {
  readonly patch: readonly [frames: number, height: number, width: number]
  readonly channels: number // C
  readonly length: number // N, tokens of a row
  readonly placed?: PackedRows['placed'] // which samples share a row; packed first fit decreasing where absent
  /** The tokens of a sample that stay, in order, out of so many; all where absent. */
  readonly keep?: (sample: number, tokens: number) => ArrayLike<number>
}

/** Cuts samples into patches and lays those that share a row one after another (Dehghani et al. 2023, section 2.1). */
export function packPatches(
  samples: readonly Planes[],
  { patch, channels, length, placed, keep }: PackingOptions,
): PackedRows {
  const grids = samples.map((sample, i) => gridOf(sample, i, patch))
  const kept = grids.map((grid, i) => {
    const all = grid.reduce((a, b) => a * b)
    return keep ? keep(i, all) : Array.from({ length: all }, (_, n) => n)
  })
  const lengths = kept.map((tokens) => tokens.length)
  const groups = placed ?? pack(lengths, { length })
  const size = channels * patch.reduce((a, b) => a * b)
  const count = groups.length * length
  const [frames, rows, columns, sample] = Array.from({ length: 4 }, () => new Int32Array(count))
  const [down, across] = [new Float32Array(count), new Float32Array(count)]
  const patches = new Float32Array(count * size)
  sample.fill(-1)
  groups.forEach((group, r) => {
    if (group.reduce((sum, i) => sum + lengths[i], 0) > length)
      throw new TubeletError('usage', `packPatches: row ${r} holds more than ${length} tokens`)
    let token = r * length
    group.forEach((i, slot) => {
      const [, height, width] = grids[i]
      for (let k = 0; k < kept[i].length; k++, token++) {
        const n = kept[i][k]
        const place = [Math.floor(n / (height * width)), Math.floor(n / width) % height, n % width] as const
        ;[frames[token], rows[token], columns[token]] = place
        down[token] = (place[1] + 0.5) / height
        across[token] = (place[2] + 0.5) / width
        sample[token] = slot
        cut(samples[i], patches.subarray(token * size, (token + 1) * size), { place, patch, channels })
      }
    })
  })
  return { patches, frames, rows, columns, down, across, sample, placed: groups, lengths }
}

function gridOf({ frames = 1, height, width }: Planes, i: number, patch: PackingOptions['patch']): number[] {
  const sizes = [frames, height, width]
  const grid = sizes.map((n, axis) => n / patch[axis])
  if (grid.some((n) => !Number.isInteger(n)))
    throw new TubeletError(
      'usage',
      `packPatches: sample ${i} is ${sizes.join(' × ')}; its sides must be multiples of ${patch.join(' × ')}`,
    )
  return grid
}

/** One patch as numbers [C, ...patch]. */
function cut(
  { pixels, frames = 1, height, width }: Planes,
  out: Float32Array,
  {
    place: [t, y, x],
    patch: [pt, ph, pw],
    channels,
  }: { place: readonly [number, number, number]; patch: PackingOptions['patch']; channels: number },
) {
  let to = 0
  for (let c = 0; c < channels; c++)
    for (let u = 0; u < pt; u++)
      for (let v = 0; v < ph; v++, to += pw) {
        const from = ((c * frames + t * pt + u) * height + y * ph + v) * width + x * pw
        out.set(pixels.subarray(from, from + pw), to)
      }
}

/** A number of each sample, told to each of its tokens [R · N]; 0 where a token fills up. */
export function perToken({ sample, placed }: PackedRows, value: (sample: number) => number): Float32Array {
  const length = sample.length / placed.length
  return Float32Array.from(sample, (slot, token) => (slot < 0 ? 0 : value(placed[Math.floor(token / length)][slot])))
}

/**
 * What the errors of a token count, [R · N], so that their mean over all tokens is Σ w · (mean error of a sample): each
 * sample counts as wanted, however many tokens it has. By default all count the same, 1 / samples.
 */
export function tokenWeights(rows: PackedRows, weight?: (sample: number) => number): Float32Array {
  const even = 1 / rows.placed.flat().length
  const count = rows.sample.length
  return perToken(rows, (i) => ((weight?.(i) ?? even) * count) / rows.lengths[i])
}

/** Numbers of each sample in the slots of its row, [R, slots, size]: `write` fills those of one; empty slots stay 0. */
export function perSlot(
  { placed }: Pick<PackedRows, 'placed'>,
  { slots, size }: { slots: number; size: number },
  write: (sample: number, into: Float32Array) => void,
): Float32Array {
  const out = new Float32Array(placed.length * slots * size)
  placed.forEach((group, r) => {
    if (group.length > slots)
      throw new TubeletError('usage', `perSlot: row ${r} holds ${group.length} samples, more than ${slots}`)
    group.forEach((i, s) => {
      write(i, out.subarray((r * slots + s) * size, (r * slots + s + 1) * size))
    })
  })
  return out
}
