import { ShapeError, sameShape, type Tensor } from '../graph/index.ts'
import { add, div, mean, reshape, sqrt, square, sub, sum } from '../ops/index.ts'

/**
 * How differently a network sees two pictures (LPIPS, Zhang et al. 2018, arXiv:1801.03924, equation 1): maps [B, C, H, W]
 * of the same layers for both, each brought to length 1 along its channels; squared differences are added over channels
 * and layers and averaged over places → [B]. All channels count alike, which makes each place's distance twice one minus
 * the cosine; the paper learns a weight for each channel from judgements of people, and gains little by it (table 5).
 */
export function perceptualDistance(a: readonly Tensor[], b: readonly Tensor[]): Tensor {
  if (a.length === 0 || a.length !== b.length || a.some((map, i) => !sameShape(map.shape, b[i].shape)))
    throw new ShapeError('perceptual', 'both pictures must have the same maps', { a: a[0], b: b[0] })
  return a.map((map, i) => mean(sum(square(sub(unit(map), unit(b[i]))), 1), [1, 2])).reduce((x, y) => add(x, y))
}

/** Length 1 along the channels: [B, C, H, W]. */
function unit(map: Tensor): Tensor {
  const [B, , H, W] = map.shape
  const length = sqrt(add(sum(square(map), 1), 1e-10)) // [B, H, W]
  return div(map, reshape(length, [B, 1, H, W]))
}
