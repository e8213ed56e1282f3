import assert from 'node:assert/strict'
import { test } from 'node:test'
import { input, size, type Tensor } from '../src/graph/index.ts'
import { attention, linear, mlp, type Params, params, rotary, timestepEmbedding } from '../src/nn/index.ts'
import type { Arrays } from '../src/onnx/index.ts'
import { add, chunk, geluTanh, layerNorm, mean, mul, rmsNorm, silu, square, sub } from '../src/ops/index.ts'
import { stream } from '../src/random.ts'
import { grad } from '../src/transform/grad.ts'
import { relativeL2 } from './close.ts'
import { devices } from './devices.ts'
import { assertNoCpuOp } from './webgpu-ops.ts'

const [N, B, D, heads] = [8, 2, 32, 4]
const grid = { frames: 2, height: 2, width: 2 }

/** One block in the manner of DiT and Wan: modulation by time, self-attention, cross-attention and MLP: x [N, B, D]. */
function block(p: Params) {
  const attend = attention(p.at('attn1'), { width: D, heads, qkNorm: true })
  const read = attention(p.at('attn2'), { width: D, heads, contextWidth: 12, qkNorm: true })
  const feed = mlp(p.at('ffn'), { width: D, hidden: 2 * D, activation: geluTanh })
  const modulation = linear(p.at('modulation'), D, 4 * D)
  const rotate = rotary(grid, { width: D, heads })
  return (x: Tensor, c: Tensor, context: Tensor) => {
    const [shift1, scale1, shift2, scale2] = chunk(modulation(silu(c)), 4) // each [B, D]
    const modulate = (y: Tensor, shift: Tensor, scale: Tensor) => add(mul(layerNorm(y), add(scale, 1)), shift)
    x = add(x, attend(modulate(x, shift1, scale1), { rotate }))
    x = add(x, read(rmsNorm(x), { context }))
    return add(x, feed(modulate(x, shift2, scale2)))
  }
}

/** Loss and gradients of a network of two blocks, and numbers for all that it reads. */
function trainingStep() {
  const p = params()
  const [x, t, context] = [input('x', [N, B, D]), input('t', [B]), input('context', [3, B, 12])]
  const blocks = [block(p.at('blocks.0')), block(p.at('blocks.1'))]
  const c = linear(p.at('time'), 16, D)(timestepEmbedding(t, 16))
  const y = blocks.reduce((tokens, layer) => layer(tokens, c, context), x)
  const loss = mean(square(sub(y, input('target', [N, B, D]))))
  const weights = [...p.all.values()].map(({ tensor }) => tensor)
  const names = [...p.all.keys()].map((name) => `d ${name}`)
  const outputs: Record<string, Tensor> = { loss }
  grad(loss, weights).forEach((d, i) => {
    outputs[names[i]] = d
  })
  const numbers = stream({ seed: 3, purpose: 'test' })
  const feeds: Arrays = { t: Float32Array.of(17, 940), context: numbers.normal(3 * B * 12) }
  for (const name of ['x', 'target']) feeds[name] = numbers.normal(N * B * D)
  // Wider than at the start of training, so that no gradient is near 0.
  for (const { name, tensor } of p.all.values()) feeds[name] = numbers.normal(size(tensor.shape)).map((z) => 0.3 * z)
  return { outputs, feeds }
}

test('the training graph of a diffusion transformer holds no op that WebGPU has not', () => {
  assertNoCpuOp(trainingStep().outputs)
})

test('every device gives the gradients of a diffusion transformer that the CPU gives', async () => {
  const { outputs, feeds } = trainingStep()
  const [cpu, ...others] = devices
  const want = await cpu.evaluate(outputs, feeds)
  assert.ok(Object.keys(want).length > 40)
  for (const device of others) {
    const got = await device.evaluate(outputs, feeds)
    for (const name of Object.keys(want)) {
      const error = relativeL2(got[name], want[name])
      assert.ok(error < 1e-5, `${device.name}, ${name}: ${error}`)
    }
  }
})
