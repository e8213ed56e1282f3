import { ShapeError, type Tensor } from '../graph/index.ts'
import { expand, mean, pad, reshape, slice, transpose } from '../ops/index.ts'

/** How many frames, and pixels on a side, become one or come from one. */
export interface Factors {
  readonly time: number
  readonly space: number
}

/** Blocks of f × f pixels become channels, columns before rows: x [B, C, T, H, W] → [B, C·f·f, T, H / f, W / f]. */
export function spaceToDepth(x: Tensor, f: number): Tensor {
  const [B, C, T, H, W] = x.shape
  if (H % f !== 0 || W % f !== 0)
    throw new ShapeError('spaceToDepth', `height and width must be multiples of ${f}`, { x })
  const cut = reshape(x, [B, C, T, H / f, f, W / f, f])
  return reshape(transpose(cut, [0, 1, 6, 4, 2, 3, 5]), [B, C * f * f, T, H / f, W / f])
}

/** The opposite of `spaceToDepth`. */
export function depthToSpace(x: Tensor, f: number): Tensor {
  const [B, D, T, H, W] = x.shape
  const C = D / (f * f)
  const cut = reshape(x, [B, C, f, f, T, H, W])
  return reshape(transpose(cut, [0, 1, 4, 5, 3, 6, 2]), [B, C, T, H * f, W * f])
}

/**
 * A smaller clip by averages alone: blocks of frames and pixels become channels, and neighbours among these are averaged
 * down to `channels`. The first frame fills its block with zeros before it.
 */
export function averageDown(x: Tensor, channels: number, { time, space }: Factors): Tensor {
  const missing = (time - (x.shape[2] % time)) % time
  const [B, C, T, H, W] = [x.shape[0], x.shape[1], x.shape[2] + missing, x.shape[3], x.shape[4]]
  const whole = pad(x, [0, 0, missing, 0, 0], [0, 0, 0, 0, 0])
  const cut = reshape(whole, [B, C, T / time, time, H / space, space, W / space, space])
  const size = [T / time, H / space, W / space]
  const blocks = transpose(cut, [0, 1, 3, 5, 7, 2, 4, 6])
  return mean(reshape(blocks, [B, channels, (C * time * space * space) / channels, ...size]), 2)
}

/** A larger clip by repetition alone, the counterpart of `averageDown`: the first frame stays one frame. */
export function repeatUp(x: Tensor, channels: number, { time, space }: Factors): Tensor {
  const [B, C, T, H, W] = x.shape
  const copies = (channels * time * space * space) / C
  const copied = expand(reshape(x, [B, C, 1, T, H, W]), [B, C, copies, T, H, W])
  const blocks = reshape(copied, [B, channels, time, space, space, T, H, W])
  const woven = transpose(blocks, [0, 1, 5, 2, 6, 3, 7, 4])
  return slice(reshape(woven, [B, channels, T * time, H * space, W * space]), 2, time - 1)
}
