import { broadcastShapes, make, type Op, type Shape, ShapeError, size, type Tensor } from '../graph/index.ts'
import { blockedProduct, isBlockedProduct } from './matmul-blocked.ts'
import { int8Product } from './matmul-int8.ts'
import { beforeSwap, transpose } from './movement.ts'
import { sum, sumTo } from './reduce.ts'

/** How a matrix product reads its factors. */
export interface MatMulOptions {
  readonly transposeA?: boolean // read the last two axes of a the other way round
  readonly transposeB?: boolean
  readonly scale?: number // the product is multiplied by it
}

const turned = (shape: Shape, yes: boolean | undefined) => (yes ? [shape.at(-1)!, shape.at(-2)!] : shape.slice(-2))

/** Whether a product is aᵀ b alone, as the gradient of a linear layer's weights is. */
const isWeightGradient = ({ transposeA, transposeB, scale = 1 }: MatMulOptions): boolean =>
  !!transposeA && !transposeB && scale === 1

const MatMul: Op<MatMulOptions> = {
  name: 'matmul',
  shape([a, b], { transposeA, transposeB }) {
    if (a.shape.length < 2 || b.shape.length < 2)
      throw new ShapeError('matmul', 'a and b need two axes or more', { a, b })
    const [M, K] = turned(a.shape, transposeA)
    const [L, N] = turned(b.shape, transposeB)
    const batch = broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2))
    if (K !== L)
      throw new ShapeError('matmul', 'the inner axes of a and b must be equal', {
        a,
        b,
        transposeA: !!transposeA,
        transposeB: !!transposeB,
      })
    if (!batch) throw new ShapeError('matmul', 'the axes before the last two must broadcast', { a, b })
    return [...batch, M, N]
  },
  // y = a b, so da = dy bᵀ and db = aᵀ dy; where a factor was read transposed, so is its gradient.
  grad(dy, { inputs: [a, b], attrs: { transposeA, transposeB, scale } }) {
    const da = transposeA
      ? matmul(b, dy, { transposeA: transposeB, transposeB: true, scale })
      : matmul(dy, b, { transposeB: !transposeB, scale })
    const db = transposeB
      ? matmul(dy, a, { transposeA: true, transposeB: transposeA, scale })
      : matmul(a, dy, { transposeA: !transposeA, scale })
    return [sumTo(da, a.shape), sumTo(db, b.shape)]
  },
  lower({ inputs: [a, b], attrs: { transposeA, transposeB = false, scale = 1 } }, [x, y], onnx) {
    const weights = b.shape.length === 2 && !transposeA && scale === 1 && onnx.roundable(y)
    if (weights) return int8Product([x], { weights, shape: b.shape, transposeB }, onnx)
    if (!transposeA && !transposeB && scale === 1) return onnx.node('MatMul', [x, y])
    if (isWeightGradient({ transposeA, transposeB, scale }) && isBlockedProduct(a.shape, b.shape, onnx.channelBlock))
      return blockedProduct([x, y], a.shape, b.shape, onnx)
    if (onnx.target === 'cpu')
      return onnx.node(
        'FusedMatMul',
        [x, y],
        { transA: +!!transposeA, transB: +!!transposeB, alpha: { float: scale } },
        'com.microsoft',
      )
    if (a.shape.length === 2 && b.shape.length === 2)
      return onnx.node('Gemm', [x, y], { transA: +!!transposeA, transB: +!!transposeB, alpha: { float: scale } })
    const turn = (value: string, t: Tensor, yes: boolean | undefined) => {
      const rank = t.shape.length
      const perm = [...t.shape.keys()].map((i) => (i < rank - 2 ? i : 2 * rank - 3 - i))
      return yes ? onnx.node('Transpose', [value], { perm }) : value
    }
    const product = onnx.node('MatMul', [turn(x, a, transposeA), turn(y, b, transposeB)])
    return scale === 1 ? product : onnx.node('Mul', [product, onnx.scalar(scale)])
  },
  copies: ({ inputs: [a, b], attrs }, block) =>
    isWeightGradient(attrs) && isBlockedProduct(a.shape, b.shape, block) ? [a, b] : [],
  flops: ({ inputs: [a], outputs: [y], attrs: { transposeA } }) =>
    2 * size(y.shape) * a.shape.at(transposeA ? -2 : -1)!,
}

/** Matrix product over the last two axes; the axes before them broadcast: a [..., M, K] · b [..., K, N] → [..., M, N]. */
export const matmul = (a: Tensor, b: Tensor, options: MatMulOptions = {}): Tensor => make(MatMul, [a, b], options)

const Gemm: Op<{ transposeB: boolean }> = {
  name: 'gemm',
  shape([a, b, c], { transposeB }) {
    const [K, N] = turned(b.shape, transposeB)
    if (a.shape.length !== 2 || b.shape.length !== 2 || c.shape.length !== 1)
      throw new ShapeError('gemm', 'a and b need two axes, the bias one', { a, b, bias: c })
    if (a.shape[1] !== K || c.shape[0] !== N)
      throw new ShapeError('gemm', 'a [M, K], b [K, N] and bias [N] must fit', { a, b, bias: c, transposeB })
    return [a.shape[0], N]
  },
  grad(dy, { inputs: [a, b], attrs: { transposeB } }) {
    const db = transposeB ? matmul(dy, a, { transposeA: true }) : matmul(a, dy, { transposeA: true })
    return [matmul(dy, b, { transposeB: !transposeB }), db, sum(dy, 0)]
  },
  lower({ inputs: [, b], attrs: { transposeB } }, inputs, onnx) {
    const weights = onnx.roundable(inputs[1])
    if (weights) return int8Product([inputs[0], inputs[2]], { weights, shape: b.shape, transposeB }, onnx)
    return onnx.node('Gemm', inputs, { transB: +transposeB })
  },
  flops: ({ inputs: [a], outputs: [y] }) => 2 * size(y.shape) * a.shape[1],
}

/** a [M, K] · b [K, N] + bias [N] → [M, N]; with transposeB, b is [N, K]. */
export const gemm = (a: Tensor, b: Tensor, bias: Tensor, { transposeB = false } = {}): Tensor =>
  make(Gemm, [a, b, bias], { transposeB })

interface HeadsAttrs {
  readonly transposeA: boolean
  readonly transposeB: boolean
  readonly leadA: boolean // a carries its rows on axis 0, before the batch: [M, batch, K]
  readonly leadB: boolean
  readonly scale: number
}

/** [rows, batch, columns] seen as [batch, rows, columns]. */
const batchFirst = (shape: Shape, lead: boolean): Shape => (lead ? [shape[1], shape[0], shape[2]] : shape)

const BatchedMatMul: Op<HeadsAttrs> = {
  name: 'batchedMatmul',
  shape([a, b], { transposeA, transposeB, leadA, leadB }) {
    if (a.shape.length !== 3 || b.shape.length !== 3)
      throw new ShapeError('batchedMatmul', 'a and b need three axes', { a, b })
    const [x, y] = [batchFirst(a.shape, leadA), batchFirst(b.shape, leadB)]
    const [M, K] = turned(x, transposeA)
    const [L, N] = turned(y, transposeB)
    if (x[0] !== y[0] || K !== L)
      throw new ShapeError('batchedMatmul', 'the batch and inner axes of a and b must be equal', { a, b })
    return [x[0], M, N]
  },
  grad(dy, { inputs: [a, b], attrs: { transposeA, transposeB, leadA, leadB, scale } }) {
    const back = (t: Tensor, lead: boolean) => (lead ? transpose(t, [1, 0, 2]) : t)
    const da = transposeA
      ? batchedMatmul(b, dy, { transposeA: transposeB, transposeB: true, leadA: leadB, scale })
      : batchedMatmul(dy, b, { transposeB: !transposeB, leadB, scale })
    const db = transposeB
      ? batchedMatmul(dy, a, { transposeA: true, transposeB: transposeA, leadB: leadA, scale })
      : batchedMatmul(a, dy, { transposeA: !transposeA, leadA, scale })
    return [back(da, leadA), back(db, leadB)]
  },
  lower({ attrs: { transposeA, transposeB, leadA, leadB, scale } }, [x, y], onnx) {
    if (onnx.target === 'cpu')
      return onnx.node(
        'FusedMatMul',
        [x, y],
        { transA: +transposeA, transB: +transposeB, transBatchA: +leadA, transBatchB: +leadB, alpha: { float: scale } },
        'com.microsoft',
      )
    const turn = (value: string, lead: boolean, flip: boolean) => {
      const rows = lead ? [1, 0, 2] : [0, 1, 2]
      const perm = flip ? [rows[0], rows[2], rows[1]] : rows
      return lead || flip ? onnx.node('Transpose', [value], { perm }) : value
    }
    const product = onnx.node('MatMul', [turn(x, leadA, transposeA), turn(y, leadB, transposeB)])
    return scale === 1 ? product : onnx.node('Mul', [product, onnx.scalar(scale)])
  },
  flops: ({ inputs: [a], outputs: [y], attrs: { transposeA, leadA } }) =>
    2 * size(y.shape) * turned(batchFirst(a.shape, leadA), transposeA)[1],
}

/**
 * One matrix product for each entry of a batch axis: a [P, M, K] · b [P, K, N] → [P, M, N]. With `leadA` or `leadB`
 * that factor comes as [rows, P, columns], so the heads of tokens [N, B·h, d] are read in place, without a copy.
 */
export function batchedMatmul(a: Tensor, b: Tensor, options: Partial<HeadsAttrs> = {}): Tensor {
  const { transposeA = false, transposeB = false, leadA = false, leadB = false, scale = 1 } = options
  // A factor that was just turned from [P, rows, columns], or to it, is read where it lay before.
  const [x, y] = [beforeSwap(a), beforeSwap(b)]
  const attrs = { transposeA, transposeB, leadA: leadA !== (x !== a), leadB: leadB !== (y !== b), scale }
  return make(BatchedMatMul, [x, y], attrs)
}
