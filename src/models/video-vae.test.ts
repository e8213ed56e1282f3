import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertClose } from '../../test/close.ts'
import { normalNumbers, withRandomWeights } from '../../test/model.ts'
import { fill } from '../../test/positions.ts'
import { input } from '../graph/index.ts'
import { params } from '../nn/index.ts'
import {
  latentFrames,
  type VideoVaeConfig,
  videoDecoder,
  videoEncoder,
  videoVaeConfig,
  videoVaeJson,
} from './video-vae.ts'

const config: VideoVaeConfig = {
  ...{ channels: 4, latentChannels: 3, width: 16, heads: 2, mlpRatio: 2 },
  ...{ encoderDepth: 4, decoderDepth: 4, fineWidth: 16, fineDepth: 2, tailWidth: 4 },
}
const frame = 4 * 32 * 32
const cell = 2 * 2 // latents of a frame of one channel

const encode = async (clip: Float32Array, B = 1) => {
  const T = clip.length / frame / B
  return withRandomWeights((p) => videoEncoder(p, config)(input('clip', [B, T, 4, 32, 32])), { clip })
}

const decode = async (z: Float32Array) => {
  const S = z.length / (3 * cell)
  const { y } = await withRandomWeights((p) => ({ y: videoDecoder(p, config)(input('z', [1, 3, S, 2, 2])) }), { z })
  return y
}

/** Some latent frames from [C, T', 2, 2] on, of all channels: [C, count, 2, 2]. */
const latentsOf = (z: Float32Array, count: number) => {
  const S = z.length / (3 * cell)
  return Float32Array.from({ length: 3 * count * cell }, (_, i) => {
    const c = Math.floor(i / (count * cell))
    return z[c * S * cell + (i % (count * cell))]
  })
}

test('a clip of 2k + 1 frames becomes k + 1 latent frames at a 16th of the size, and comes back at its own', async () => {
  const { mean, logVariance } = await encode(normalNumbers(1, 7, frame))
  assert.equal(mean.length, 3 * 4 * cell)
  assert.equal(logVariance.length, mean.length)
  assert.equal((await decode(mean)).length, 7 * frame)
  assert.deepEqual([1, 3, 17, 33].map(latentFrames), [1, 2, 9, 17])
})

test('the encoder is causal: a latent frame does not depend on later frames, and does on each of its own', async () => {
  const clip = normalNumbers(1, 7, frame)
  const { mean: whole } = await encode(clip)
  for (let t = 0; t < 7; t++) {
    const changed = Float32Array.from(clip)
    changed.fill(0.3, t * frame, (t + 1) * frame)
    const { mean } = await encode(changed)
    const before = Math.ceil(t / 2) // frame 0 is latent 0, frames 1 and 2 are latent 1 …
    assert.deepEqual(latentsOf(mean, before), latentsOf(whole, before), `frame ${t} changed`)
    const own = latentsOf(mean, before + 1).some((x, i) => Math.abs(x - latentsOf(whole, before + 1)[i]) > 1e-4)
    assert.ok(own, `latent ${before} does not see frame ${t}`)
  }
})

test('the decoder is causal: frames do not depend on later latent frames, and do on their own', async () => {
  const z = normalNumbers(2, 3, 4, cell)
  const whole = await decode(z)
  for (let s = 0; s < 4; s++) {
    const changed = z.map((x, i) => (Math.floor(i / cell) % 4 === s ? 0.5 : x))
    const y = await decode(changed)
    const before = s === 0 ? 0 : 2 * s - 1
    assertClose(y.subarray(0, before * frame), whole.subarray(0, before * frame), 1e-6, `before latent ${s}`)
    for (let t = before; t < 2 * s + 1; t++) {
      const own = y.subarray(t * frame, (t + 1) * frame).some((x, i) => Math.abs(x - whole[t * frame + i]) > 1e-4)
      assert.ok(own, `frame ${t} does not show latent ${s}`)
    }
  }
})

test('a still is a clip of one frame: the first latent frame of every clip that begins with it', async () => {
  const clip = normalNumbers(3, 5, frame)
  const { mean: whole } = await encode(clip)
  const { mean: still } = await encode(clip.slice(0, frame))
  assertClose(still, latentsOf(whole, 1), 1e-5, 'latents')
  assertClose(await decode(still), (await decode(whole)).subarray(0, frame), 1e-5, 'picture')
})

/** Places at which sample n of y differs from the last sample. */
function changed(y: Float32Array, n: number, { samples, place }: { samples: number; place: (i: number) => number[] }) {
  const size = y.length / samples
  const apart = (i: number) => Math.abs(y[n * size + i] - y[(samples - 1) * size + i]) > 1e-4
  const places = Array.from({ length: size }, (_, i) => i).filter(apart)
  return [...new Set(places.map((i) => place(i).join()))].sort()
}

// Clips of 3 frames of 2 × 3 cells, and their latents; without blocks nothing looks beyond its own place.
const bare = { ...config, encoderDepth: 0, decoderDepth: 0, fineDepth: 0 }
const cellOf = (i: number) => [Math.floor(i / (4 * 32 * 48)), Math.floor(i / (16 * 48)) % 2, Math.floor(i / 16) % 3]
const latentOf = (i: number) => [Math.floor(i / 6) % 2, Math.floor(i / 3) % 2, i % 3]

/** Kernels of 3 × 3 that look at one pixel alone. */
const centred = (weights: ArrayLike<number>) =>
  Float32Array.from({ length: 9 * weights.length }, (_, i) => (i % 9 === 4 ? weights[(i - 4) / 9] : 0))

test('a latent is shown in its own frames and cell alone, in a clip that is wider than high', async () => {
  // Each sample but the last has another latent changed.
  const z = Float32Array.from(
    { length: 13 * 36 },
    (_, i) => Math.sin(i % 36) * (i % 12 === Math.floor(i / 36) ? -1 : 1),
  )
  const up = centred(normalNumbers(1, 16, 16))
  const feeds = { z, 'up.weight': up, 'conv_out.weight': centred(normalNumbers(2, 16, 4)) }
  const { y } = await withRandomWeights((p) => ({ y: videoDecoder(p, bare)(input('z', [13, 3, 2, 2, 3])) }), feeds)
  for (let n = 0; n < 12; n++) {
    const [s, ...cell] = latentOf(n)
    const frames = s === 0 ? [0] : [1, 2]
    assert.deepEqual(
      changed(y, n, { samples: 13, place: cellOf }),
      frames.map((t) => [t, ...cell].join()),
    )
  }
})

test('a pixel is seen by the latent of its own frames and cell alone, in a clip that is wider than high', async () => {
  const size = 3 * 4 * 32 * 48
  const clip = Float32Array.from({ length: 19 * size }, (_, i) => Math.sin(i % size))
  for (let n = 0; n < 18; n++) {
    const [t, row, column] = [Math.floor(n / 6), Math.floor(n / 3) % 2, n % 3]
    clip[n * size + ((t * 4 + 1) * 32 + 16 * row + 5) * 48 + 16 * column + 9] += 3
  }
  const { mean } = await withRandomWeights((p) => videoEncoder(p, bare)(input('clip', [19, 3, 4, 32, 48])), { clip })
  for (let n = 0; n < 18; n++) {
    const [t, ...cell] = [Math.floor(n / 6), Math.floor(n / 3) % 2, n % 3]
    assert.deepEqual(changed(mean, n, { samples: 19, place: latentOf }), [[Math.ceil(t / 2), ...cell].join()])
  }
})

test('a token becomes two frames of 4 × 4 squares, and each square 4 × 4 pixels by halves, all row by row', async () => {
  const first = (from: number) => Float32Array.from({ length: 16 * from }, (_, i) => Number(i % from === 0)) // channel
  const feeds = {
    z: normalNumbers(1, 3, 4),
    'unpatch.weight': new Float32Array(32 * 16 * 16),
    'unpatch.bias': fill([2, 16, 4, 4], ([t, , i, j]) => 16 * t + 4 * i + j), // the same in every channel
    ...{ 'up.weight': centred(first(16)), 'up.bias': Float32Array.from({ length: 16 }, (_, i) => 100 * (i % 4)) },
    ...{ 'conv_out.weight': centred(first(4)), 'conv_out.bias': Float32Array.from({ length: 16 }, (_, i) => 1000 * i) },
  }
  const { y } = await withRandomWeights((p) => ({ y: videoDecoder(p, bare)(input('z', [1, 3, 2, 1, 2])) }), feeds)
  const silu = (v: number) => v / (1 + Math.exp(-v))
  const bit = (n: number, which: number) => (n >> which) & 1
  const want = fill([1, 3, 4, 16, 32], ([, t, c, i, j]) => {
    const square = 16 * ((t + 1) % 2) + 4 * (i >> 2) + ((j >> 2) % 4) // frame 0 is the second of its pair
    return silu(square + 100 * (2 * bit(i, 1) + bit(j, 1))) + 1000 * (4 * c + 2 * bit(i, 0) + bit(j, 0))
  })
  assertClose(y, want, 1e-6, 'clip')
})

test('samples of a batch do not see each other', async () => {
  const clips = normalNumbers(4, 2, 3, frame)
  const { mean: both } = await encode(clips, 2)
  const { mean: second } = await encode(clips.slice(3 * frame))
  assertClose(both.subarray(both.length / 2), second, 1e-5, 'second clip')
})

test('the config is written and read back, with the statistics of the latents', () => {
  const latents = { mean: [0.5, -1, 0], std: [1, 2, 0.25] }
  assert.deepEqual(videoVaeConfig(JSON.parse(JSON.stringify(videoVaeJson(config, latents)))), { config, latents })
  const { latents_mean: _, latents_std: __, ...without } = videoVaeJson(config, latents) as Record<string, unknown>
  assert.deepEqual(videoVaeConfig(without).latents, { mean: [0, 0, 0], std: [1, 1, 1] })
})

test('a config that does not fit is refused by the name of the field', () => {
  const json = videoVaeJson(config, { mean: [0, 0, 0], std: [1, 1, 1] })
  const cases: [object, RegExp][] = [
    [{ width: 0 }, /'width' is 0; it must be a whole number above 0/],
    [{ latent_channels: 2.5 }, /'latent_channels' is 2\.5/],
    [{ latents_std: [1, 1] }, /'latents_std' is \[1,1\]; it must be a list of 3 numbers/],
    [{ latents_mean: 'none' }, /'latents_mean' is "none"; it must be a list of/],
    [{ latents_std: [1, 0, 1] }, /'latents_std' is \[1,0,1\]; it must be a list of numbers above 0/],
    [{ decoder_depth: undefined }, /'decoder_depth' is missing/],
  ]
  for (const [change, message] of cases)
    assert.throws(() => videoVaeConfig({ ...json, ...change }), { code: 'input', message })
  assert.throws(() => videoVaeConfig(null), /must be a JSON object/)
})

test('clips and sizes that cannot be cut are an error that says what would fit', () => {
  const encoder = (change: object, shape: number[]) => () =>
    videoEncoder(params(), { ...config, ...change })(input('clip', shape))
  assert.throws(encoder({}, [1, 4, 4, 32, 32]), /the number of frames must be odd \(got frames 4\)/)
  assert.throws(encoder({}, [1, 3, 4, 40, 32]), /multiples of 16 \(got x \[1, 3, 4, 40, 32\]\)/)
  assert.throws(encoder({ heads: 3 }, [1, 3, 4, 32, 32]), /heads must divide width/)
  assert.throws(encoder({ heads: 16 }, [1, 3, 4, 32, 32]), /width \/ heads must be an even whole number/)
  assert.throws(encoder({}, [1, 3, 3, 32, 32]), /a clip must be \[B, T, 4, H, W\] \(got x \[1, 3, 3, 32, 32\]\)/)
  assert.throws(
    () => videoDecoder(params(), config)(input('z', [1, 4, 2, 2, 2])),
    /latents must be \[B, 3, T, H, W\] \(got z \[1, 4, 2, 2, 2\]\)/,
  )
  assert.throws(
    () => videoDecoder(params(), { ...config, fineWidth: 24 }),
    /fineWidth must be a multiple of 16, .* \(got fineWidth 24\)/,
  )
})
