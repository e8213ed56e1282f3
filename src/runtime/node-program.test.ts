import assert from 'node:assert/strict'
import { test } from 'node:test'
import { input, type Tensor } from '../graph/index.ts'
import { type Arrays, toOnnx } from '../onnx/index.ts'
import { conv, matmul, reshape, square, sum } from '../ops/index.ts'
import { grad } from '../transform/grad.ts'
import { channelBlock, nodeProgram } from './node-program.ts'

const absent = await channelBlock().then((block) => block === undefined && 'this processor has no blocked convolutions')

const wave = (count: number, speed: number) => Float32Array.from({ length: count }, (_, i) => Math.sin(i * speed))

/** Runs y with the processor's blocks and without; only the first model may, and must, hold the word of a blocked form. */
async function assertSameInBlocks(y: Tensor, feeds: Arrays, word: string) {
  const run = async (block?: number) => {
    const model = toOnnx({ y }, { target: 'cpu', channelBlock: block })
    const program = await nodeProgram(model, { device: 'cpu' })
    const { y: result } = await program.run(feeds)
    await program.release()
    return { result, blocked: Buffer.from(model.bytes).includes(word) }
  }
  const [plain, blocked] = [await run(), await run(await channelBlock())]
  assert.deepEqual([plain.blocked, blocked.blocked], [false, true])
  const scale = Math.max(...plain.result.map(Math.abs))
  assert.ok(plain.result.every((value, i) => Math.abs(value - blocked.result[i]) < 1e-5 * scale))
}

test('a convolution in blocks of channels gives the numbers of the plain one', { skip: absent }, async () => {
  const [x, w, bias] = [input('x', [2, 32, 20, 20]), input('w', [48, 32, 3, 3]), input('bias', [48])]
  const y = conv(x, w, { padding: 1, stride: [1, 2], bias })
  const feeds = { x: wave(2 * 32 * 400, 12.9898), w: wave(48 * 32 * 9, 0.7), bias: wave(48, 3.1) }
  await assertSameInBlocks(y, feeds, 'ReorderInput')
})

test('the gradient of weights over blocks of places gives the numbers of the plain one', { skip: absent }, async () => {
  const [x, w] = [input('x', [3, 5, 12, 32]), input('w', [16, 5, 3, 2])]
  const dw = grad(sum(square(conv(x, w, { padding: [1, [0, 2]], dilation: [1, 2] }))), [w])[0]
  await assertSameInBlocks(dw, { x: wave(3 * 5 * 384, 12.9898), w: wave(16 * 30, 0.7) }, 'channels_last')
})

test('the gradient of a linear layer of many rows over blocks gives the numbers of the plain one', {
  skip: absent,
}, async () => {
  const [x, w, rows] = [input('x', [20, 104, 32]), input('w', [48, 32]), 2080]
  const dw = grad(sum(square(matmul(reshape(x, [rows, 32]), w, { transposeB: true }))), [w])[0]
  await assertSameInBlocks(dw, { x: wave(rows * 32, 12.9898), w: wave(48 * 32, 0.7) }, 'channels_last')
})

test('the length of a block is asked once, and is that of the processor', async () => {
  assert.ok([undefined, 8, 16, 32].includes(await channelBlock()))
  assert.equal(channelBlock(), channelBlock())
})
