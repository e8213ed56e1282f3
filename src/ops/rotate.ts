import { type Emitter, make, type Op, type Shape, ShapeError, size, type Tensor, type Value } from '../graph/index.ts'

/** Cosine and sine of each angle: [M, d / 2], one row for each row of x, or for each place that one may have; one column a pair. */
export interface Angles {
  readonly cosines: Float32Array
  readonly sines: Float32Array
  readonly shape: Shape
}

const Rotate: Op<Angles> = {
  name: 'rotate',
  shape([x, places], { cosines, sines, shape }) {
    const [N] = x.shape
    const [rows, pairs] = shape
    if (shape.length !== 2 || (!places && N !== rows) || size(x.shape) % (2 * N * pairs) !== 0)
      throw new ShapeError('rotate', 'the angles must be [N, d / 2], for rows x [N, ...] of a multiple of d', {
        x,
        angles: shape,
      })
    if (places && (places.dtype !== 'int32' || places.shape.length !== 1 || places.shape[0] !== N))
      throw new ShapeError('rotate', 'the places must be int32 [N]', { x, places, type: places.dtype })
    if (cosines.length !== size(shape) || sines.length !== size(shape))
      throw new ShapeError('rotate', 'cosines and sines must fill their shape', { angles: shape })
    return x.shape
  },
  // A turn backwards undoes a turn.
  grad: (dy, { inputs: [, places], attrs }) => [
    rotate(dy, { ...attrs, sines: attrs.sines.map((s) => -s) }, places),
    undefined,
  ],
  lower({ inputs: [x], attrs }, [value, places], onnx) {
    const [N] = x.shape
    const columns = size(x.shape) / N
    if (onnx.target === 'webgpu') return composed([value, places], x.shape, attrs, onnx)
    // The engine refuses a sequence longer than the tables, so rows with places are sequences of one.
    const [sequences, length] = places === undefined ? [1, N] : [N, 1]
    const rows = onnx.node('Reshape', [value, onnx.ints([sequences, length, columns])])
    const tables = [attrs.cosines, attrs.sines].map((table) => onnx.array(table, attrs.shape))
    const long = (given: Value) => onnx.node('Reshape', [onnx.node('Cast', [given], { to: int64 }), onnx.ints([N, 1])])
    const inputs = [rows, places === undefined ? onnx.ints([0]) : long(places), ...tables] // [0] counts from 0
    return onnx.node('Reshape', [
      onnx.node('RotaryEmbedding', inputs, { interleaved: 1 }, 'com.microsoft'),
      onnx.ints(x.shape),
    ])
  },
}

const int64 = 7 // of TensorProto.DataType

/** x cos + (x turned by 90°) sin, where a small matrix product turns the pairs. */
function composed(
  [value, places]: readonly Value[],
  shape: Shape,
  { cosines, sines, shape: [M, pairs] }: Angles,
  onnx: Emitter,
): Value {
  const [N] = shape
  const d = 2 * pairs
  const twice = (table: Float32Array) => Float32Array.from({ length: M * d }, (_, i) => table[i >> 1])
  const apart = onnx.node('Reshape', [value, onnx.ints([N, size(shape) / N / d, d])])
  const rowsOf = (table: Value) => (places === undefined ? table : onnx.node('Gather', [table, places], { axis: 0 }))
  const times = (factor: Value, table: Float32Array) =>
    onnx.node('Mul', [factor, rowsOf(onnx.array(twice(table), [M, 1, d]))])
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
 * x [N, ...], angles [N, d / 2] → like x; (a, b) becomes (a cos − b sin, b cos + a sin). With int32 `places` [N], row n
 * turns by row places[n] of the angles [M, d / 2].
 */
export const rotate = (x: Tensor, angles: Angles, places?: Tensor): Tensor =>
  make(Rotate, places ? [x, places] : [x], angles)
