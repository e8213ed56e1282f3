import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { generator } from '../../test/draw.ts'
import { input, type Tensor, withBlock, withScope } from '../graph/index.ts'
import { add, conv, matmul, mul, relu, reshape, split, sum, tanh } from '../ops/index.ts'
import { nodeRuntime } from '../runtime/node.ts'
import { costOf, executionOrder } from './cost.ts'
import { grad } from './grad.ts'

test('operations are counted for products and convolutions, in the gradient too', () => {
  const [x, w] = [input('x', [2, 3]), input('w', [3, 4])]
  const y = sum(relu(matmul(x, w)))
  assert.equal(costOf([y]).flops, 2 * 2 * 3 * 4)
  assert.equal(costOf([y, ...grad(y, [x, w])]).flops, 3 * 2 * 2 * 3 * 4)
  const [picture, kernel] = [input('picture', [1, 2, 8, 8]), input('kernel', [5, 2, 3, 3])]
  assert.equal(costOf([conv(picture, kernel, { padding: 1 })]).flops, 2 * 5 * 64 * (2 * 9))
})

test('what is fed and what is asked for lies outside; in between, a value is freed after its last use', () => {
  const x = input('x', [10])
  const a = tanh(x) // 40 bytes
  const b = mul(a, a) // a and b: 80 bytes; then a is not read again
  const y = sum(tanh(b)) // b and its tanh: 80 bytes
  assert.deepEqual(costOf([y]), { flops: 0, inputBytes: 40, outputBytes: 4, peakBytes: 80 })
  assert.equal(costOf([y, a]).peakBytes, 80) // a is the caller's now: b and its tanh remain
  assert.equal(costOf([add(y, sum(a))]).peakBytes, 84) // sum(a) was made last, so it runs first and leaves one number
  assert.equal(costOf([sum(mul(tanh(b), a))]).peakBytes, 120) // a is kept for the product
})

test('a view takes no memory of its own and keeps what it shows', () => {
  const a = tanh(input('x', [4, 6]))
  const view = reshape(a, [24])
  assert.equal(costOf([sum(view)]).peakBytes, 96)
  assert.equal(costOf([add(sum(mul(view, view)), sum(tanh(tanh(view))))]).peakBytes, 3 * 96)
})

test('parts that nobody reads are freed at once', () => {
  const [first] = split(tanh(input('x', [12])), [4, 4, 4], 0)
  assert.equal(costOf([sum(first)]).peakBytes, 96)
})

test('what lowerings keep for themselves comes on top, once', () => {
  const [x, w] = [input('x', [1, 32, 20, 20]), input('w', [32, 32, 3, 3])]
  const y = conv(tanh(x), w, { padding: 1 })
  assert.equal(costOf([y]).peakBytes, 3 * 51_200) // tanh, and x and y in blocks of channels
  const again = conv(y, w, { padding: 1 })
  assert.equal(costOf([again]).peakBytes, 4 * 51_200) // tanh and y, and two in blocks; the result is the caller's
  const [rows, weight] = [input('rows', [2048, 32]), input('weight', [32, 16])]
  const product = matmul(rows, weight)
  const few = (size: number) => costOf(grad(sum(product), [weight])).peakBytes - size
  assert.equal(few(4 * 2048 * 16), 4 * 2048 * (32 + 16)) // rows and the gradient of the product in blocks
})

test('recomputation is foreseen: less memory, more operations', () => {
  const w = Array.from({ length: 6 }, (_, i) => input(`w${i}`, [32, 32]))
  const cost = (block: <T>(build: () => T) => T) => {
    let x: Tensor = input('x', [256, 32])
    for (const weight of w) {
      const from = x
      x = block(() => add(from, tanh(matmul(tanh(matmul(from, weight)), weight))))
    }
    const loss = sum(x)
    return costOf([loss, ...grad(loss, w)])
  }
  const [stored, recomputed] = [cost((build) => build()), cost(withBlock)]
  assert.ok(recomputed.peakBytes < 0.6 * stored.peakBytes, `${recomputed.peakBytes} of ${stored.peakBytes}`)
  assert.ok(recomputed.flops > 1.1 * stored.flops && recomputed.flops < 1.4 * stored.flops)
})

test("the order of execution is the engine's, in graphs of 40 nodes that read each other at random", async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tubelet-'))
  try {
    for (const seed of [1, 2, 3]) {
      const uniform = generator(seed)
      const made: Tensor[] = [input('x', [2])]
      const pick = () => made[Math.max(0, made.length - 1 - Math.floor(uniform() * 8))]
      for (let i = 0; i < 40; i++)
        made.push(withScope(`node ${i}`, () => (uniform() < 0.5 ? tanh(pick()) : mul(pick(), pick()))))
      const read = new Set(made.flatMap((t) => t.node.inputs))
      const outputs = made.filter((t) => !read.has(t))
      const named = Object.fromEntries(outputs.map((t, i) => [`y${i}`, t]))
      const program = await nodeRuntime({ threads: 1 }).load(named, { profile: join(folder, `${seed}`) })
      await program.run({ x: Float32Array.of(0.1, 0.2) })
      await program.release()
      const file = (await readdir(folder)).find((name) => name.startsWith(`${seed}`))!
      const events: { cat: string; name: string }[] = JSON.parse(await readFile(join(folder, file), 'utf8'))
      const ran = events
        .filter(({ cat, name }) => cat === 'Node' && name.endsWith('_kernel_time'))
        .map(({ name }) => name.split('/')[0])
      const expected = executionOrder(outputs).filter((node) => node.inputs.length > 0)
      assert.deepEqual(
        ran,
        expected.map((node) => node.scope),
      )
      assert.ok(
        ran.some((name, i) => i > 0 && Number(name.slice(5)) < Number(ran[i - 1].slice(5))),
        'not merely as made',
      )
    }
  } finally {
    await rm(folder, { recursive: true })
  }
})
