import { test } from 'node:test'
import { checkOp } from '../../test/check-op.ts'
import { assertClose } from '../../test/close.ts'
import { devices } from '../../test/devices.ts'
import { input } from '../graph/index.ts'
import { cos, sin } from './sine.ts'

test('sin works on each element, and its slope is the cosine', () =>
  checkOp(sin, [{ shape: [3, 8], draw: (u) => 4 * u }], (x) => x.map(Math.sin)))

test('cos works on each element, and its slope is minus the sine', () =>
  checkOp(cos, [{ shape: [3, 8], draw: (u) => 4 * u }], (x) => x.map(Math.cos)))

test('sin and cos keep their accuracy for the times of a diffusion process, up to 1000', async () => {
  const x = Float32Array.from({ length: 2001 }, (_, i) => i * 1.00007 - 1000)
  const t = input('x', [2001])
  for (const device of devices) {
    const got = await device.evaluate({ sin: sin(t), cos: cos(t) }, { x })
    assertClose(got.sin, x.map(Math.sin), 5e-7, device.name)
    assertClose(got.cos, x.map(Math.cos), 5e-7, device.name)
  }
})
