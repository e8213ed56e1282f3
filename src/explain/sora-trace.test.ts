import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { assertClose } from '../../test/close.ts'
import { evaluate } from '../../test/on-node.ts'
import { constant, type Tensor } from '../graph/index.ts'
import { modulate } from '../models/dit-blocks.ts'
import { attend, timestepEmbedding } from '../nn/index.ts'
import { layerNorm, mean, relu, reshape, square, sub } from '../ops/index.ts'
import type { Matrix } from './sora-steps.ts'
import { soraNumbers as n, soraTrace } from './sora-trace.ts'

const steps = soraTrace()
const result = (number: number, i = 0) => steps[number - 1].result[i].values
const really = (number: number) => steps[number - 1].really![0].values

/** W x + b by loops, for [W | b]. */
function layer(weights: Matrix, x: Matrix, positive = false): number[][] {
  const out: number[][] = []
  for (let m = 0; m < weights.length; m++) {
    out.push([])
    for (let column = 0; column < x[0].length; column++) {
      let sum = weights[m][x.length]
      for (let k = 0; k < x.length; k++) sum += weights[m][k] * x[k][column]
      out[m].push(positive && sum < 0 ? 0 : sum)
    }
  }
  return out
}

test('steps 1 to 4: frames, patches, latents and noise', () => {
  for (let t = 0; t < 4; t++)
    for (let pixel = 0; pixel < 4; pixel++) assert.equal(result(2)[pixel][t], n.video[t][pixel >> 1][pixel & 1])
  assert.deepEqual(result(3), layer(n.encoder, result(2), true))
  assert.deepEqual(really(3), layer(n.encoder, result(2)))
  assert.ok(
    really(3)
      .flat()
      .some((value) => value < 0),
    'the ReLU cuts something off',
  )
  for (const [d, row] of result(4).entries())
    for (const [i, value] of row.entries()) assert.equal(value, result(3)[d][i] + n.noise[d][i])
})

test('steps 5 to 7: step 3 is 11 in binary, and gives the scale (2, −1) and shift (−1, 5) of figure 5-21', () => {
  assert.deepEqual(result(5).flat(), [...n.text, 1, 1])
  assert.deepEqual(result(6), layer(n.conditioning, result(5)))
  assert.deepEqual(result(6).flat(), [2, -1, -1, 5])
  const [scale, shift] = [
    [2, -1],
    [-1, 5],
  ]
  for (const [d, row] of result(7).entries())
    for (const [i, value] of row.entries()) assert.equal(value, result(4)[d][i] * scale[d] + shift[d])
})

test('steps 8 to 10: scores, weighted sums and the predicted noise', () => {
  const y = result(7)
  const bare = (weights: Matrix) =>
    layer(
      weights.map((row) => [...row, 0]),
      y,
    )
  const [q, k] = [bare(n.query), bare(n.key)]
  for (let i = 0; i < 4; i++) {
    const weighted = [0, 0]
    for (let j = 0; j < 4; j++) {
      assert.equal(result(8)[i][j], q[0][i] * k[0][j] + q[1][i] * k[1][j])
      for (const d of [0, 1]) weighted[d] += result(8)[i][j] * y[d][j]
    }
    for (const d of [0, 1]) assert.equal(result(9)[d][i], weighted[d])
  }
  assert.deepEqual(result(10), layer(n.feedForward, result(9)))
})

test('steps 11 to 14: loss, denoised latents, patches and frames', () => {
  let sum = 0
  for (const d of [0, 1]) for (let i = 0; i < 4; i++) sum += (result(10)[d][i] - n.noise[d][i]) ** 2
  assert.equal(result(11)[0][0], sum / 8)
  for (const d of [0, 1])
    for (let i = 0; i < 4; i++) {
      assert.equal(result(12)[d][i], result(4)[d][i] - result(10)[d][i])
      assert.ok(Math.abs(really(12)[d][i] - (result(4)[d][i] - result(10)[d][i] / 3)) < 1e-12)
    }
  assert.deepEqual(result(13), layer(n.decoder, result(12), true))
  assert.deepEqual(really(13), layer(n.decoder, result(12)))
  for (let t = 0; t < 4; t++)
    for (let pixel = 0; pixel < 4; pixel++) assert.equal(result(14, t)[pixel >> 1][pixel & 1], result(13)[pixel][t])
})

test('what the real modules make of the same numbers is what the modules of this package make of them', async () => {
  const tokens = (matrix: Matrix): Tensor => {
    const columns = matrix[0].flatMap((_, i) => matrix.map((row) => row[i]))
    return constant(Float32Array.from(columns), [matrix[0].length, 1, matrix.length]) // [N, B, D]
  }
  const row = (values: readonly number[]) => constant(Float32Array.from(values), [1, values.length])
  const bare = (weights: Matrix) =>
    layer(
      weights.map((line) => [...line, 0]),
      result(7),
    )
  const outputs = await evaluate(
    {
      encoded: relu(tokens(really(3))),
      waves: timestepEmbedding(constant(Float32Array.of(n.step), [1]), 4),
      modulated: modulate(layerNorm(tokens(result(4)), { eps: 1e-6 }), row([-1, 5]), row([2, -1])),
      attended: attend(tokens(bare(n.query)), tokens(bare(n.key)), tokens(result(7)), { heads: 1 }),
      loss: reshape(mean(square(sub(tokens(result(10)), tokens(n.noise)))), [1]),
    },
    {},
  )
  const columns = (matrix: Matrix) => matrix[0].flatMap((_, i) => matrix.map((line) => line[i]))
  assertClose(outputs.encoded, columns(result(3)), 0, 'step 3')
  assertClose(outputs.waves, columns(really(5)), 1e-6, 'step 5')
  assertClose(outputs.modulated, columns(really(7)), 1e-5, 'step 7')
  assertClose(outputs.attended, columns(really(9)), 1e-5, 'steps 8 and 9')
  assertClose(outputs.loss, result(11).flat(), 1e-6, 'step 11')
})

test('every module that a step stands for is in its file, and all that a step is given are whole numbers', () => {
  for (const { number, modules, given } of steps) {
    for (const { name, file } of modules)
      assert.match(
        readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8'),
        new RegExp(`function\\*? ${name}\\(|const ${name} =`),
      )
    for (const { values } of given) assert.ok(values.flat().every(Number.isInteger), `step ${number}`)
  }
})
