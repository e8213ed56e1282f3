import { ShapeError, sameShape, size, type Tensor } from '../graph/index.ts'
import { add, div, mul, neg } from './arithmetic.ts'
import { cast, notEqual, where } from './compare.ts'
import { gatherElements } from './gather.ts'
import { maximum } from './maximum.ts'
import { mean } from './mean.ts'
import { reshape } from './movement.ts'
import { sum } from './reduce.ts'
import { logSoftmax } from './softmax.ts'

/** Settings of the cross-entropy. */
export interface CrossEntropyOptions {
  readonly ignore?: number // rows with this label do not count
  readonly smoothing?: number // share of each target that is spread evenly over all classes (Szegedy et al. 2016, section 7)
}

/**
 * Mean of −ln p(label) over all rows: logits [..., V], labels int32 [...] → a scalar. Where every label is the ignored
 * one, the mean is 0.
 */
export function crossEntropy(logits: Tensor, labels: Tensor, options: CrossEntropyOptions = {}): Tensor {
  const { ignore, smoothing = 0 } = options
  const rows = logits.shape.slice(0, -1)
  if (labels.dtype !== 'int32' || !sameShape(rows, labels.shape))
    throw new ShapeError('crossEntropy', 'labels must be int32, one for each row of the logits', {
      logits,
      labels,
      type: labels.dtype,
    })
  if (!(smoothing >= 0 && smoothing < 1))
    throw new ShapeError('crossEntropy', 'smoothing must be at least 0 and less than 1', { smoothing })
  const count = size(rows)
  const flat = reshape(labels, [count, 1])
  const logs = logSoftmax(reshape(logits, [count, logits.shape.at(-1)!])) // [N, V]
  const kept = ignore === undefined ? undefined : notEqual(flat, ignore)
  let loss = neg(gatherElements(logs, kept ? where(kept, flat, 0) : flat)) // [N, 1]
  if (smoothing > 0) loss = add(mul(loss, 1 - smoothing), mul(mean(logs, -1, true), -smoothing))
  if (!kept) return mean(loss)
  return div(sum(where(kept, loss, 0)), maximum(sum(cast(kept, 'float32')), 1))
}
