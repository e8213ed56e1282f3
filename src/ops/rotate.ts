import { type Emitter, make, type Op, type Shape, ShapeError, size, type Tensor, type Value } from '../graph/index.ts'

/** Cosine and sine of each angle: [N, d / 2], one row for each row of x, one column for each pair. */
export interface Angles {
  readonly cosines: Float32Array
  readonly sines: Float32Array
  readonly shape: Shape
}

const Rotate: Op<Angles> = {
  name: 'rotate',
  shape([x], { cosines, sines, shape }) {
    const [N, pairs] = shape
    if (shape.length !== 2 || x.shape[0] !== N || size(x.shape) % (2 * N * pairs) !== 0)
      throw new ShapeError('rotate', 'the angles must be [N, d / 2], for rows x [N, ...] of a multiple of d', {
        x,
        angles: shape,
      })
    if (cosines.length !== size(shape) || sines.length !== size(shape))
      throw new ShapeError('rotate', 'cosines and sines must fill their shape', { angles: shape })
    return x.shape
  },
  // A turn backwards undoes a turn.
  grad: (dy, { attrs }) => [rotate(dy, { ...attrs, sines: attrs.sines.map((s) => -s) })],
  lower({ inputs: [x], attrs }, [value], onnx) {
    const [N, pairs] = attrs.shape
    const columns = size(x.shape) / N
    if (onnx.target === 'webgpu') return composed(value, x.shape, attrs, onnx)
    const rows = onnx.node('Reshape', [value, onnx.ints([1, N, columns])])
    const tables = [attrs.cosines, attrs.sines].map((table) => onnx.array(table, [N, pairs]))
    const inputs = [rows, onnx.ints([0]), ...tables] // positions count from 0
    return onnx.node('Reshape', [
      onnx.node('RotaryEmbedding', inputs, { interleaved: 1 }, 'com.microsoft'),
      onnx.ints(x.shape),
    ])
  },
}

/** x cos + (x turned by 90°) sin, where a small matrix product turns the pairs. */
function composed(value: Value, shape: Shape, { cosines, sines, shape: [N, pairs] }: Angles, onnx: Emitter): Value {
  const d = 2 * pairs
  const twice = (table: Float32Array) => Float32Array.from({ length: N * d }, (_, i) => table[i >> 1])
  const apart = onnx.node('Reshape', [value, onnx.ints([N, size(shape) / N / d, d])])
  const times = (factor: Value, table: Float32Array) => onnx.node('Mul', [factor, onnx.array(twice(table), [N, 1, d])])
  const turned = onnx.node('MatMul', [apart, onnx.array(quarterTurn(d), [d, d])])
  const y = onnx.node('Add', [times(apart, cosines), times(turned, sines)])
  return onnx.node('Reshape', [y, onnx.ints(shape)])
}

/** The matrix [d, d] that sends each pair (a, b) to (−b, a). */
function quarterTurn(d: number): Float32Array {
  const matrix = new Float32Array(d * d)
  for (let i = 0; i < d; i += 2) {
    matrix[i * d + i + 1] = 1
    matrix[(i + 1) * d + i] = -1
  }
  return matrix
}

/**
 * Neighbouring columns (2i, 2i + 1) of each group of d turn by an angle of their row (Su et al. 2021, equation 34):
 * x [N, ...], angles [N, d / 2] → like x; (a, b) becomes (a cos − b sin, b cos + a sin).
 */
export const rotate = (x: Tensor, angles: Angles): Tensor => make(Rotate, [x], angles)
