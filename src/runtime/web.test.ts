import assert from 'node:assert/strict'
import { test } from 'node:test'
import { browserAbsent } from '../../test/browser/chromium.ts'
import { inPage } from '../../test/browser/client.ts'
import { input } from '../graph/index.ts'
import { toOnnx } from '../onnx/index.ts'
import { matmul, mul } from '../ops/index.ts'
import { webRuntime } from './web.ts'

const product = toOnnx({ y: matmul(input('a', [64, 64]), input('b', [64, 64])) }, { target: 'cpu' })
const feeds = { a: new Float32Array(64 * 64).fill(0.5), b: new Float32Array(64 * 64).fill(2) }
const skip = browserAbsent

test('a page that is cross-origin isolated computes on several threads', { skip }, async () => {
  const { outputs, workers } = await inPage({ device: 'wasm', threads: 2 }, product, feeds)
  assert.ok(outputs.y.every((value) => value === 64))
  assert.ok(workers >= 1, `${workers} workers`)
})

test('a page that is not isolated computes on one thread, whatever was asked for', { skip }, async () => {
  const { outputs, workers } = await inPage({ device: 'wasm', threads: 2, isolated: false }, product, feeds)
  assert.ok(outputs.y.every((value) => value === 64))
  assert.equal(workers, 0)
})

test('engine files that are not where they should be are a network error', { skip }, async () => {
  for (const device of ['wasm', 'webgpu'] as const)
    await assert.rejects(inPage({ device, assets: '/nowhere' }, product, feeds), {
      message: new RegExp(`^network: the engine's files for ${device} could not be loaded: .*nowhere/ort-wasm`),
    })
})

test('an op without a GPU kernel is an error on webgpu, not a silent fallback', { skip }, async () => {
  const forCpu = toOnnx({ y: matmul(input('a', [64, 64]), input('b', [64, 64]), { scale: 2 }) }, { target: 'cpu' })
  await assert.rejects(inPage({ device: 'webgpu' }, forCpu, feeds), {
    message: /^memory: the engine could not load the program on webgpu: .*fallback/s,
  })
})

test('webgpu where there is none is refused with advice', async () => {
  await assert.rejects(webRuntime({ device: 'webgpu' }).load({ y: mul(input('x', [1]), 2) }), {
    name: 'TubeletError',
    code: 'usage',
    message: "webgpu: this browser has no WebGPU, or the page is not served over https; use device 'wasm'",
  })
})
