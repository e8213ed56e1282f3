import { TubeletError } from '../errors.ts'
import type { Clip } from './clip.ts'
import { onWhite } from './clip.ts'

/** How a map is laid over frames. */
export interface HeatMapOptions {
  /** Rows and columns of the map over the square that a frame stands in the middle of. */
  readonly grid: readonly [height: number, width: number]
  /** What is shown as cold and as hot; between, the colours go from dark violet over red to light yellow. */
  readonly least: number
  readonly most: number
}

/** Colours from cold to hot, whose lightness grows, so that they are told apart without seeing colour. */
const ramp = [
  [20, 11, 52],
  [101, 21, 110],
  [188, 55, 84],
  [243, 120, 25],
  [252, 255, 164],
] as const

/** Part of what is seen that the colours of the map make up; the rest is the picture in grey, so that every colour is one of the map. */
const strength = 0.6

/** A clip in grey on white with a map [h · w] over each of its frames, smooth between the middles of the patches. */
export function withHeatMap(clip: Clip, maps: readonly Float32Array[], options: HeatMapOptions): Clip {
  const { width, height, count } = clip
  const [rows, columns] = options.grid
  if (maps.length !== count || maps.some((map) => map.length !== rows * columns))
    throw new TubeletError('usage', `withHeatMap: ${count} frames need as many maps of ${rows} × ${columns} numbers`)
  const side = Math.max(width, height)
  const [left, top] = [(side - width) >> 1, (side - height) >> 1]
  const seen = onWhite(clip)
  const frames = new Uint8Array(clip.frames.length)
  for (let t = 0, i = 0; t < count; t++)
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++, i++) {
        const at = { row: ((top + y + 0.5) * rows) / side - 0.5, column: ((left + x + 0.5) * columns) / side - 0.5 }
        const colour = colourOf(between(maps[t], options.grid, at), options)
        const grey = 0.2126 * seen[3 * i] + 0.7152 * seen[3 * i + 1] + 0.0722 * seen[3 * i + 2]
        for (let c = 0; c < 3; c++) frames[4 * i + c] = grey * (1 - strength) + colour[c] * strength
        frames[4 * i + 3] = 255
      }
  return { ...clip, frames }
}

/** A map between the middles of its patches; beyond the outer ones it stays as it is there. */
function between(
  map: Float32Array,
  [rows, columns]: HeatMapOptions['grid'],
  { row, column }: { row: number; column: number },
): number {
  const part = (at: number, count: number) => {
    const inside = Math.min(count - 1, Math.max(0, at))
    const first = Math.floor(inside)
    return { first, next: Math.min(count - 1, first + 1), share: inside - first }
  }
  const [v, u] = [part(row, rows), part(column, columns)]
  const along = (r: number) => map[r * columns + u.first] * (1 - u.share) + map[r * columns + u.next] * u.share
  return along(v.first) * (1 - v.share) + along(v.next) * v.share
}

function colourOf(value: number, { least, most }: HeatMapOptions): readonly number[] {
  const place = most > least ? ((value - least) / (most - least)) * (ramp.length - 1) : 0
  const first = Math.min(ramp.length - 2, Math.max(0, Math.floor(place)))
  const share = Math.min(1, Math.max(0, place - first))
  return ramp[first].map((from, c) => from * (1 - share) + ramp[first + 1][c] * share)
}
