import { make, type Op, ShapeError, sameShape, size, type Tensor } from '../graph/index.ts'
import { div, mul, sub } from './arithmetic.ts'
import { cast, notEqual, where } from './compare.ts'
import { exp } from './elementwise.ts'
import { scatterAdd } from './gather.ts'
import { maximum } from './maximum.ts'
import { mean } from './mean.ts'
import { reshape } from './movement.ts'
import { sum } from './reduce.ts'
import { logSoftmax } from './softmax.ts'

/** −ln p(label) of each row, from logits [N, V], labels [N, 1] and the logarithms of the softmax [N, V]: [N, 1]. */
const Surprise: Op<{ smoothing: number }> = {
  name: 'crossEntropy',
  shape: ([, labels]) => labels.shape,
  // Targets are (1 − smoothing) at the label plus smoothing / V everywhere, so dlogits = (softmax − targets) dy. This
  // holds the slope of the logarithms already: nothing flows to that input.
  grad(dy, { inputs: [logits, labels, logs], attrs: { smoothing } }) {
    const spread = smoothing === 0 ? exp(logs) : sub(exp(logs), smoothing / logits.shape[1])
    return [scatterAdd(mul(spread, dy), labels, mul(dy, smoothing - 1))]
  },
  lower({ attrs: { smoothing } }, [, labels, logs], onnx) {
    const picked = onnx.node('Neg', [onnx.node('GatherElements', [logs, labels], { axis: 1 })])
    if (smoothing === 0) return picked
    const average = onnx.node('ReduceMean', [logs, onnx.ints([1])], { keepdims: 1 })
    const even = onnx.node('Mul', [average, onnx.scalar(smoothing)])
    return onnx.node('Sub', [onnx.node('Mul', [picked, onnx.scalar(1 - smoothing)]), even])
  },
}

/** Settings of the cross-entropy. */
export interface CrossEntropyOptions {
  readonly ignore?: number // rows with this label do not count
  readonly smoothing?: number // share of each target that is spread evenly over all classes (Szegedy et al. 2016, section 7)
}

/**
 * Mean of −ln p(label) over all rows: logits [..., V], labels int32 [...] → a scalar. Where every label is the ignored
 * one, the mean is 0. A label below 0 that is not ignored counts from the last class, as in ONNX.
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
  const matrix = reshape(logits, [count, logits.shape.at(-1)!]) // [N, V]
  const kept = ignore === undefined ? undefined : notEqual(flat, ignore)
  const safe = kept ? where(kept, flat, 0) : flat
  const loss = make(Surprise, [matrix, safe, logSoftmax(matrix)], { smoothing }) // [N, 1]
  if (!kept) return mean(loss)
  return div(sum(where(kept, loss, 0)), maximum(sum(cast(kept, 'float32')), 1))
}
