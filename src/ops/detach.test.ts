import assert from 'node:assert/strict'
import { test } from 'node:test'
import { devices } from '../../test/devices.ts'
import { input } from '../graph/index.ts'
import { grad } from '../transform/grad.ts'
import { detach } from './detach.ts'
import { mul, sum } from './index.ts'

test('detach passes values on and no gradient: of x · detach(x) it is x', async () => {
  const x = input('x', [4])
  const y = mul(x, detach(x))
  const [dx] = grad(sum(y), [x])
  const numbers = Float32Array.of(1, -2, 0.5, 3)
  for (const device of devices) {
    const got = await device.evaluate({ y, dx }, { x: numbers })
    assert.deepEqual([...got.y], [1, 4, 0.25, 9], device.name)
    assert.deepEqual([...got.dx], [...numbers], device.name)
  }
})
