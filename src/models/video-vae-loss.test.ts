import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertClose } from '../../test/close.ts'
import { assertLearned, normalNumbers, overfit, withRandomWeights } from '../../test/model.ts'
import { input } from '../graph/index.ts'
import type { Params } from '../nn/index.ts'
import { add, exp, mul } from '../ops/index.ts'
import { type VideoVaeConfig, videoDecoder, videoEncoder } from './video-vae.ts'
import { videoDecoderLoss, videoVaeLoss } from './video-vae-loss.ts'

const config: VideoVaeConfig = {
  ...{ channels: 4, latentChannels: 3, width: 16, heads: 2, mlpRatio: 2 },
  ...{ encoderDepth: 1, decoderDepth: 1, fineWidth: 16, fineDepth: 1, tailWidth: 4 },
}
const frame = 4 * 32 * 32
const cell = 2 * 2 // latents of a frame of one channel

test('the loss is the weighted sum of its terms, each as plain loops give it', async () => {
  const weights = { absolute: 1, squared: 2, motion: 0.5, kl: 0.25 }
  const [clip, noise] = [normalNumbers(5, 2, 3, frame), normalNumbers(6, 2, 3 * 2 * cell)]
  const shape = [2, 3, 4, 32, 32] as const
  const feeds = { clip, noise }
  const terms = await withRandomWeights(
    (p) => videoVaeLoss(p, config, weights)(input('clip', shape), input('noise', [2, 3, 2, 2, 2])),
    feeds,
  )
  const { y, mean, logVariance } = await withRandomWeights((p) => {
    const encoded = videoEncoder(p.at('encoder'), config)(input('clip', shape))
    const noise = mul(exp(mul(encoded.logVariance, 0.5)), input('noise', [2, 3, 2, 2, 2]))
    return { y: videoDecoder(p.at('decoder'), config)(add(encoded.mean, noise)), ...encoded }
  }, feeds)
  const error = y.map((v, i) => v - clip[i])
  const average = (values: ArrayLike<number>) => Array.from(values).reduce((a, b) => a + b, 0) / values.length
  const steps = Array.from(error.keys()).filter((i) => Math.floor(i / frame) % 3 < 2)
  const want = {
    absolute: average(error.map(Math.abs)),
    squared: average(error.map((e) => e * e)),
    motion: average(steps.map((i) => Math.abs(error[i + frame] - error[i]))),
    kl: average(mean.map((m, i) => (m * m + Math.exp(logVariance[i]) - 1 - logVariance[i]) / 2)),
  }
  for (const name of ['absolute', 'squared', 'motion', 'kl'] as const)
    assertClose(terms[name], [want[name]], 1e-4, name)
  const loss = want.absolute + 2 * want.squared + 0.5 * want.motion + 0.25 * want.kl
  assertClose(terms.loss, [loss], 1e-4, 'loss')
})

test("the decoder's loss is that of the autoencoder without encoder and prior, and the error of how much moves", async () => {
  const weights = { absolute: 1, squared: 2, motion: 0.5 }
  const clip = normalNumbers(9, 3 * frame)
  const shape = [1, 3, 4, 32, 32] as const
  const whole = await withRandomWeights(
    (p) => videoVaeLoss(p, config, { ...weights, kl: 0 })(input('clip', shape), input('noise', [1, 3, 2, 2, 2])),
    { clip, noise: new Float32Array(3 * 2 * cell).fill(0.5) },
  )
  const { mean, logVariance } = await withRandomWeights(
    (p) => videoEncoder(p.at('encoder'), config)(input('clip', shape)),
    { clip },
  )
  const z = mean.map((m, i) => m + 0.5 * Math.exp(logVariance[i] / 2))
  const decoder = await withRandomWeights(
    (p) => {
      const loss = videoDecoderLoss(p, config)
      return loss(input('z', [1, 3, 2, 2, 2]), input('clip', shape), { ...weights, amplitude: 3 })
    },
    { clip, z },
  )
  for (const name of ['absolute', 'squared', 'motion'] as const) assertClose(decoder[name], whole[name], 1e-5, name)

  const { y } = await withRandomWeights(
    (p) => ({ y: videoDecoder(p.at('decoder'), config)(input('z', [1, 3, 2, 2, 2])) }),
    { z },
  )
  let amplitude = 0
  const squares = 4 * 4 * 4 // of four channels, four rows and columns
  for (let k = 0; k < squares; k++) {
    const corner = Math.floor(k / 16) * 1024 + Math.floor((k % 16) / 4) * 8 * 32 + (k % 4) * 8
    const change = (x: Float32Array) => {
      let sum = 0
      for (const t of [0, 1])
        for (let v = 0; v < 8; v++)
          for (let u = 0; u < 8; u++) {
            const at = t * frame + corner + v * 32 + u
            sum += Math.abs(x[at + frame] - x[at]) / 128
          }
      return sum
    }
    amplitude += Math.abs(change(y) - change(clip)) / squares
  }
  assertClose(decoder.amplitude, [amplitude], 1e-4, 'amplitude')
  assertClose(decoder.loss, [whole.loss[0] + 3 * amplitude], 1e-4, 'loss')
})

test('a still has no motion term', async () => {
  const weights = { absolute: 1, squared: 0, motion: 5, kl: 0 }
  const build = (p: Params) =>
    videoVaeLoss(p, config, weights)(input('clip', [1, 1, 4, 32, 32]), input('n', [1, 3, 1, 2, 2]))
  const { loss, motion, absolute } = await withRandomWeights(build, {
    clip: normalNumbers(7, frame),
    n: new Float32Array(3 * cell),
  })
  assert.equal(motion[0], 0)
  assertClose(loss, absolute, 1e-6, 'loss')
})

test('it overfits one batch of clips', async () => {
  const small = { ...config, encoderDepth: 2, decoderDepth: 2 }
  const weights = { absolute: 1, squared: 2, motion: 0.5, kl: 1e-4 }
  // Two clips of a bright square that moves.
  const clip = new Float32Array(2 * 3 * frame).fill(-1)
  for (let b = 0; b < 2; b++)
    for (let t = 0; t < 3; t++)
      for (let c = 0; c < 4; c++)
        for (let y = 4; y < 14; y++)
          for (let x = 0; x < 10; x++)
            clip[((b * 3 + t) * 4 + c) * 1024 + (y + 8 * b) * 32 + x + 6 * t] = c === b ? 0.8 : 1
  const losses = await overfit(
    (p) => videoVaeLoss(p, small, weights)(input('clip', [2, 3, 4, 32, 32]), input('noise', [2, 3, 2, 2, 2])).loss,
    { clip, noise: normalNumbers(8, 2, 3 * 2 * cell) },
    { steps: 60, rate: 6e-3 },
  )
  assertLearned(losses, 0.25)
})
