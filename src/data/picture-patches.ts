import { TubeletError } from '../errors.ts'
import { pack } from './pack.ts'

/** A picture of any size: planes [C, H, W]. */
export interface Picture {
  readonly pixels: Float32Array
  readonly height: number
  readonly width: number
}

/** Rows of pictures as NaViT reads them; `placed[r][s]` is the number of the picture in slot s of row r. */
export interface PackedRows {
  readonly patches: Float32Array // [R, N, C · P · P]
  readonly rows: Int32Array // [R, N]
  readonly columns: Int32Array // [R, N]
  readonly picture: Int32Array // [R, N], −1 where a token fills up
  readonly placed: readonly (readonly number[])[]
}

interface PackingOptions {
  readonly patchSize: number // P
  readonly channels: number // C
  readonly length: number // N, tokens of a row
  readonly placed?: readonly (readonly number[])[] // which pictures share a row; packed first fit decreasing where absent
}

/** Cuts pictures into patches and lays those that share a row one after another (Dehghani et al. 2023, section 2.1). */
export function packPictures(
  pictures: readonly Picture[],
  { patchSize: P, channels: C, length, placed }: PackingOptions,
): PackedRows {
  const grids = pictures.map(({ height, width }, i) => {
    if (height % P !== 0 || width % P !== 0)
      throw new TubeletError(
        'usage',
        `packPictures: picture ${i} is ${height} × ${width}; both must be multiples of ${P}`,
      )
    return { rows: height / P, columns: width / P }
  })
  const lengths = grids.map(({ rows, columns }) => rows * columns)
  const groups = placed ?? pack(lengths, { length })
  const size = C * P * P
  const R = groups.length
  const result = {
    patches: new Float32Array(R * length * size),
    rows: new Int32Array(R * length),
    columns: new Int32Array(R * length),
    picture: new Int32Array(R * length).fill(-1),
    placed: groups,
  }
  groups.forEach((group, r) => {
    let token = r * length
    if (group.reduce((sum, i) => sum + lengths[i], 0) > length)
      throw new TubeletError('usage', `packPictures: row ${r} holds more than ${length} tokens`)
    group.forEach((i, slot) => {
      for (let y = 0; y < grids[i].rows; y++)
        for (let x = 0; x < grids[i].columns; x++, token++) {
          cut(pictures[i], result.patches.subarray(token * size, (token + 1) * size), { y, x, P, C })
          result.rows[token] = y
          result.columns[token] = x
          result.picture[token] = slot
        }
    })
  })
  return result
}

/** One patch as a row of numbers, channel by channel. */
function cut(
  { pixels, height, width }: Picture,
  out: Float32Array,
  { y, x, P, C }: { y: number; x: number; P: number; C: number },
) {
  for (let c = 0; c < C; c++)
    for (let v = 0; v < P; v++) {
      const from = (c * height + y * P + v) * width + x * P
      out.set(pixels.subarray(from, from + P), (c * P + v) * P)
    }
}
