import { constant, ShapeError, type Tensor } from '../graph/index.ts'
import { concat, expand } from '../ops/index.ts'
import type { Grid } from './rotary.ts'

const waves = { time: 4, space: 3 } // of the lowest frequencies

/** Number of planes of `placePlanes`. */
export const placeChannels = 2 * waves.time + 2 * waves.space

/**
 * Where each point of a looping clip is, as planes [14, T', H, W] for chosen latent frames of T: sines and cosines of the
 * turn 2π t / T, then cosines along height and width. Rotary positions tell distances between tokens only; while all is
 * noise, nothing else says which frame a token belongs to (docs/decisions/007).
 */
export function placePlanes({ frames, height, width }: Grid, chosen?: readonly number[]): Float32Array {
  const shown = chosen ?? Array.from({ length: frames }, (_, t) => t)
  const turn = (k: number, t: number) => (2 * Math.PI * k * t) / frames
  const along = (k: number, i: number, n: number) => Math.cos((Math.PI * k * (i + 0.5)) / n)
  const planes: ((t: number, y: number, x: number) => number)[] = []
  for (let k = 1; k <= waves.time; k++) planes.push((t) => Math.sin(turn(k, t)))
  for (let k = 1; k <= waves.time; k++) planes.push((t) => Math.cos(turn(k, t)))
  for (let k = 1; k <= waves.space; k++) planes.push((_t, y) => along(k, y, height))
  for (let k = 1; k <= waves.space; k++) planes.push((_t, _y, x) => along(k, x, width))
  const out = new Float32Array(planes.length * shown.length * height * width)
  let at = 0
  for (const plane of planes)
    for (const t of shown)
      for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) out[at++] = Math.SQRT2 * plane(t, y, x)
  return out
}

/**
 * Latents with their places beside them: x [B, C, T', H, W] → [B, C + 14, T', H, W]. All frames of a loop are there,
 * unless `planes` [14, T', H, W] are given.
 */
export function withPlaces(x: Tensor, planes?: Tensor): Tensor {
  const [B, , frames, height, width] = x.shape
  if (x.shape.length !== 5) throw new ShapeError('withPlaces', 'x must be [B, C, T, H, W]', { x })
  const shape = [placeChannels, frames, height, width]
  const own = planes ?? constant(placePlanes({ frames, height, width }), shape)
  return concat([x, expand(own, [B, ...shape])], 1)
}
