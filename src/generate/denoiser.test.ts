import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertClose } from '../../test/close.ts'
import { normalNumbers, randomised } from '../../test/model.ts'
import { tinyWan } from '../../test/tiny-model.ts'
import { guide } from '../diffusion/guidance.ts'
import { wanTransformer } from '../models/sora.ts'
import { params } from '../nn/index.ts'
import { nodeRuntime } from '../runtime/node.ts'
import { denoiser } from './denoiser.ts'

const shape = { frames: 3, height: 2, width: 2, textLength: 5 }
const p = params()
wanTransformer(p, tinyWan)
const weights = randomised(p)
const [latent, words] = [4 * 3 * 2 * 2, 5 * 32]

interface More {
  readonly batch: number
  readonly guided: boolean
  readonly dtype?: 'fp32' | 'int8'
}

async function velocities(feeds: Record<string, Float32Array>, { dtype, ...more }: More) {
  const program = await denoiser(nodeRuntime({ threads: 1 }), {
    config: tinyWan,
    weights,
    shape: { ...shape, ...more },
    dtype,
  })
  const { v } = await program.run(feeds)
  await program.release()
  return v as Float32Array
}

test('guidance in the graph is the formula over two unguided velocities', async () => {
  const [x, text] = [normalNumbers(1, latent), normalNumbers(2, 2, words)]
  const t = Float32Array.of(400)
  const plain = (from: number) =>
    velocities({ x, t, text: text.slice(from * words, (from + 1) * words) }, { batch: 1, guided: false })
  const [prompted, negative] = [await plain(0), await plain(1)]
  const guided = await velocities({ x, t, text, guidance: Float32Array.of(3.5) }, { batch: 1, guided: true })
  assertClose(guided, guide(prompted, negative, 3.5), 1e-5, 'guided velocity')
  const same = await velocities({ x, t, text, guidance: Float32Array.of(1) }, { batch: 1, guided: true })
  assertClose(same, prompted, 1e-5, 'velocity at guidance 1')
})

test('in 8 bits the velocity is another, but near', async () => {
  const feeds = { x: normalNumbers(1, latent), t: Float32Array.of(400), text: normalNumbers(2, words) }
  const [full, rounded] = await Promise.all(
    (['fp32', 'int8'] as const).map((dtype) => velocities(feeds, { batch: 1, guided: false, dtype })),
  )
  const length = (a: Float32Array) => Math.sqrt(a.reduce((sum, value) => sum + value * value, 0))
  const off = length(full.map((value, i) => value - rounded[i])) / length(full)
  assert.ok(off > 1e-4 && off < 0.05, `${off}`)
})

test('clips of one batch do not see each other', async () => {
  const [x, text, t] = [normalNumbers(1, 2, latent), normalNumbers(2, 4, words), Float32Array.of(900, 30)]
  const guidance = Float32Array.of(2)
  const both = await velocities({ x, t, text, guidance }, { batch: 2, guided: true })
  for (const b of [0, 1]) {
    const row = (from: number) => text.slice(from * words, (from + 1) * words)
    const alone = Float32Array.from([...row(b), ...row(2 + b)]) // prompts come first, then the negative ones
    const feeds = { x: x.slice(b * latent, (b + 1) * latent), t: t.slice(b, b + 1), text: alone, guidance }
    const one = await velocities(feeds, { batch: 1, guided: true })
    assertClose(both.slice(b * latent, (b + 1) * latent), one, 1e-5, `clip ${b}`)
  }
})
