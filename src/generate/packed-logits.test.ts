import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertClose } from '../../test/close.ts'
import { countingRuntime } from '../../test/counting-runtime.ts'
import { normalNumbers, randomised } from '../../test/model.ts'
import { type NaViTConfig, navit, navitInputs } from '../models/navit.ts'
import { params } from '../nn/index.ts'
import { nodeRuntime } from '../runtime/node.ts'
import { packedLogits } from './packed-logits.ts'

const runtime = nodeRuntime({ threads: 1 })
const config: NaViTConfig = {
  ...{ imageSize: [16, 16], patchSize: 2, channels: 3, classes: 4 },
  ...{ width: 8, depth: 1, heads: 2, headWidth: 4, hidden: 16 },
}

for (const positions of ['absolute', 'fractional'] as const)
  test(`pictures have the same logits in packed rows as alone, in their order, with ${positions} positions`, async () => {
    const own = { ...config, positions }
    const p = params()
    navit(p, own)(navitInputs(own, { rows: 1, length: 16 }), 3)
    const options = { config: own, weights: randomised(p), runtime, length: 16, slots: 3 }
    const sizes = [2, 4, 1, 3, 2].map((n, i) => ({ height: 2 * n, width: 2 * (i % 2 ? 4 : 3) }))
    const pictures = sizes.map(({ height, width }, i) => ({
      planes: { height, width, pixels: normalNumbers(i, 3, height, width) },
    }))
    const together = await packedLogits(pictures, options)
    assert.equal(together.length, 5)
    for (const [i, picture] of pictures.entries())
      assertClose(together[i], (await packedLogits([picture], options))[0], 1e-5, `picture ${i}`)
    assert.notDeepEqual(together[0], together[4])
  })

test('a picture that fits into no row is refused, and nothing stays loaded', async () => {
  const p = params()
  navit(p, config)(navitInputs(config, { rows: 1, length: 4 }), 3)
  const { runtime: counting, programs } = countingRuntime(runtime)
  const picture = { planes: { height: 4, width: 6, pixels: normalNumbers(1, 3, 4, 6) } }
  const options = { config, weights: randomised(p), runtime: counting, length: 4, slots: 3 }
  await assert.rejects(packedLogits([picture], options), { code: 'usage', message: /item 0 has 6 tokens/ })
  assert.equal(programs.loaded, 0)
})
