import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkOp } from '../../test/check-op.ts'
import { at, fill } from '../../test/positions.ts'
import { input, type Shape } from '../graph/index.ts'
import { stream } from '../random.ts'
import { nodeRuntime } from '../runtime/node.ts'
import { batchedMatmul, gemm, matmul } from './matmul.ts'
import { transpose } from './movement.ts'

for (const transposeB of [false, true])
  test(`products in 8 bits are near those in 32, ${transposeB ? 'transposed' : 'plain'}, and only where they may`, async () => {
    const [M, K, N] = [9, 64, 24]
    const numbers = (count: number, seed: number) => stream({ seed, purpose: 'int8' }).normal(count)
    const [x, bias] = [input('x', [M, K]), input('bias', [N])]
    const [w, v] = ['w', 'v'].map((name) => input(name, transposeB ? [N, K] : [K, N]))
    const outputs = {
      y: gemm(x, w, bias, { transposeB }),
      z: matmul(x, w, { transposeB }),
      exact: matmul(x, v, { transposeB }),
    }
    const constants = { w: numbers(K * N, 1), v: numbers(K * N, 1), bias: numbers(N, 2) }
    constants.w.fill(0, 0, transposeB ? K : 0) // a column of zeros
    const run = async (int8?: (name: string) => boolean) => {
      const program = await nodeRuntime().load(outputs, { constants, int8 })
      const got = await program.run({ x: numbers(M * K, 3) })
      await program.release()
      return got
    }
    const [full, rounded] = [await run(), await run((name) => name === 'w')]
    assert.deepEqual(rounded.exact, full.exact)
    for (const name of ['y', 'z']) {
      const length = (a: readonly number[]) => Math.sqrt(a.reduce((sum, value) => sum + value * value, 0))
      const [want, got] = [Array.from(full[name]), Array.from(rounded[name])]
      const off = length(want.map((value, i) => value - got[i])) / length(want)
      assert.ok(off > 1e-4 && off < 0.015, `${name}: ${off}`)
    }
  })

const flags = [false, true]
const title = (options: Record<string, boolean>) => {
  const set = Object.keys(options).filter((name) => options[name])
  return set.length === 0 ? 'no flag' : set.join(', ')
}
const turned = (shape: Shape, yes: boolean): Shape =>
  yes ? [...shape.slice(0, -2), shape.at(-1)!, shape.at(-2)!] : shape
const last = (p: readonly number[], row: number, column: number, yes: boolean) =>
  yes ? [...p.slice(0, -2), column, row] : [...p.slice(0, -2), row, column]

for (const transposeA of flags)
  for (const transposeB of flags) {
    const name = title({ transposeA, transposeB })

    test(`matmul of two matrices with ${name}, scaled`, () => {
      const [A, B] = [turned([3, 4], transposeA), turned([4, 5], transposeB)]
      return checkOp(
        (a, b) => matmul(a, b, { transposeA, transposeB, scale: 0.5 }),
        [A, B],
        (a, b) =>
          fill([3, 5], (p) => {
            let y = 0
            for (let k = 0; k < 4; k++)
              y += 0.5 * at(a, A, last(p, p[0], k, transposeA)) * at(b, B, last(p, k, p[1], transposeB))
            return y
          }),
      )
    })

    test(`matmul broadcasts the axes before the last two with ${name}`, () => {
      const [A, B] = [turned([2, 1, 3, 4], transposeA), turned([3, 4, 2], transposeB)]
      return checkOp(
        (a, b) => matmul(a, b, { transposeA, transposeB }),
        [A, B],
        (a, b) =>
          fill([2, 3, 3, 2], (p) => {
            let y = 0
            for (let k = 0; k < 4; k++)
              y += at(a, A, last(p, p[2], k, transposeA)) * at(b, B, last(p, k, p[3], transposeB))
            return y
          }),
      )
    })

    for (const leadA of flags)
      for (const leadB of flags)
        test(`batchedMatmul with ${title({ transposeA, transposeB, leadA, leadB })}`, () => {
          const lead = ([P, rows, columns]: Shape, yes: boolean): Shape =>
            yes ? [rows, P, columns] : [P, rows, columns]
          const A = lead(turned([2, 3, 4], transposeA), leadA)
          const B = lead(turned([2, 4, 5], transposeB), leadB)
          return checkOp(
            (a, b) => batchedMatmul(a, b, { transposeA, transposeB, leadA, leadB, scale: 1.5 }),
            [A, B],
            (a, b) =>
              fill([2, 3, 5], ([P, m, n]) => {
                let y = 0
                for (let k = 0; k < 4; k++) {
                  const x = at(a, A, lead(last([P, 0, 0], m, k, transposeA), leadA))
                  y += 1.5 * x * at(b, B, lead(last([P, 0, 0], k, n, transposeB), leadB))
                }
                return y
              }),
          )
        })
  }

test('batchedMatmul reads a factor that was turned batch first where it lay before', () => {
  const a = input('a', [3, 2, 4])
  const y = batchedMatmul(transpose(a, [1, 0, 2]), input('b', [2, 4, 5]))
  assert.deepEqual(y.shape, [2, 3, 5])
  assert.equal(y.node.inputs[0], a)
  return checkOp(
    (x, b) => batchedMatmul(transpose(x, [1, 0, 2]), transpose(b, [1, 0, 2])),
    [
      [3, 2, 4],
      [4, 2, 5],
    ],
    (x, b) =>
      fill([2, 3, 5], ([P, m, n]) => {
        let sum = 0
        for (let k = 0; k < 4; k++) sum += x[(m * 2 + P) * 4 + k] * b[(k * 2 + P) * 5 + n]
        return sum
      }),
  )
})

for (const transposeB of flags)
  test(`gemm adds the bias to every row, with ${title({ transposeB })}`, () => {
    const B = turned([4, 5], transposeB)
    return checkOp(
      (a, b, bias) => gemm(a, b, bias, { transposeB }),
      [[3, 4], B, [5]],
      (a, b, bias) =>
        fill([3, 5], ([m, n]) => {
          let y = bias[n]
          for (let k = 0; k < 4; k++) y += a[m * 4 + k] * at(b, B, transposeB ? [n, k] : [k, n])
          return y
        }),
    )
  })

test('products say which axes clash', () => {
  const t = (...shape: number[]) => input('t', shape)
  const wrong = (make: () => unknown, message: string) => assert.throws(make, { name: 'ShapeError', message })
  wrong(
    () => matmul(t(2, 3, 4), t(3, 5)),
    'matmul: the inner axes of a and b must be equal (got a [2, 3, 4], b [3, 5], transposeA false, transposeB false)',
  )
  wrong(() => matmul(t(4), t(4, 5)), 'matmul: a and b need two axes or more (got a [4], b [4, 5])')
  wrong(
    () => matmul(t(2, 3, 4), t(3, 4, 5)),
    'matmul: the axes before the last two must broadcast (got a [2, 3, 4], b [3, 4, 5])',
  )
  wrong(
    () => gemm(t(2, 3, 4), t(4, 5), t(5)),
    'gemm: a and b need two axes, the bias one (got a [2, 3, 4], b [4, 5], bias [5])',
  )
  wrong(
    () => gemm(t(3, 4), t(4, 5), t(4)),
    'gemm: a [M, K], b [K, N] and bias [N] must fit (got a [3, 4], b [4, 5], bias [4], transposeB false)',
  )
  wrong(() => batchedMatmul(t(3, 4), t(4, 5)), 'batchedMatmul: a and b need three axes (got a [3, 4], b [4, 5])')
  wrong(
    () => batchedMatmul(t(2, 3, 4), t(3, 4, 5)),
    'batchedMatmul: the batch and inner axes of a and b must be equal (got a [2, 3, 4], b [3, 4, 5])',
  )
})

test('a product counts two operations for each multiplication', () => {
  const flops = (y: { node: ReturnType<typeof matmul>['node'] }) => y.node.op.flops!(y.node)
  assert.equal(flops(matmul(input('a', [7, 2, 3]), input('b', [2, 5]), { transposeA: true })), 2 * 7 * 2 * 3 * 5)
  assert.equal(
    flops(gemm(input('a', [2, 3]), input('b', [5, 3]), input('c', [5]), { transposeB: true })),
    2 * 2 * 3 * 5,
  )
  const heads = batchedMatmul(input('a', [3, 7, 2]), input('b', [7, 3, 5]), { leadA: true, transposeA: true })
  assert.equal(flops(heads), 2 * 7 * 2 * 3 * 5)
})
