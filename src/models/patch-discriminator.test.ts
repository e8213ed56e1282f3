import assert from 'node:assert/strict'
import { test } from 'node:test'
import { initial, normalNumbers } from '../../test/model.ts'
import { evaluate } from '../../test/on-node.ts'
import { input } from '../graph/index.ts'
import { params } from '../nn/index.ts'
import { patchDiscriminator } from './patch-discriminator.ts'

test('layers and their shapes are those of the published discriminator of 70 × 70 patches', () => {
  const p = params()
  const y = patchDiscriminator(p, { channels: 3, width: 64, depth: 3 })(input('x', [1, 3, 256, 256]))
  assert.deepEqual(y.shape, [1, 1, 30, 30])
  const convolutions = [...p.all.values()].filter(({ tensor }) => tensor.shape.length === 4)
  assert.deepEqual(
    convolutions.map(({ name, tensor }) => [name, tensor.shape]),
    [
      ['main.0.weight', [64, 3, 4, 4]],
      ['main.2.weight', [128, 64, 4, 4]],
      ['main.5.weight', [256, 128, 4, 4]],
      ['main.8.weight', [512, 256, 4, 4]],
      ['main.11.weight', [1, 512, 4, 4]],
    ],
  )
  assert.ok(p.all.has('main.0.bias') && p.all.has('main.11.bias') && !p.all.has('main.2.bias'))
})

test('the answer for a picture does not depend on the others of its batch', async () => {
  const p = params()
  const y = patchDiscriminator(p, { channels: 1, width: 4, depth: 2 })(input('x', [2, 1, 16, 16]))
  const first = normalNumbers(1, 1, 1, 16, 16)
  const feeds = initial(p)
  const answers = await Promise.all(
    [2, 3].map(async (seed) => {
      const x = Float32Array.from([...first, ...normalNumbers(seed, 1, 1, 16, 16)])
      return (await evaluate({ y }, { ...feeds, x })).y as Float32Array
    }),
  )
  const half = answers[0].length / 2
  assert.deepEqual(answers[0].subarray(0, half), answers[1].subarray(0, half))
  assert.notDeepEqual(answers[0].subarray(half), answers[1].subarray(half))
})
