import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import sharp from 'sharp'
import { movingDisc } from '../../test/emoji-packages.ts'
import { TubeletError } from '../errors.ts'
import { decodeClip, encodeGif, encodeStrip, encodeWebp, frameDelays, pictureInfo, rasterizeSvg } from './webp.ts'

const disc = movingDisc(10, 24, [200, 40, 90])
const refused = (pattern: RegExp) => (error: unknown) =>
  error instanceof TubeletError && error.code === 'input' && pattern.test(error.message)

/** Mean absolute difference of what is seen of two clips on a ground of one grey. */
function seenDifference(a: Uint8Array, b: Uint8Array, ground: number): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) {
    if (i % 4 === 3) continue
    const alpha = (i | 3) as number
    sum += Math.abs(((a[i] - ground) * a[alpha] - (b[i] - ground) * b[alpha]) / 255)
  }
  return sum / (a.length * 0.75)
}

test('a lossless WebP gives back every pixel that is seen, the frames and the speed', async () => {
  const back = await decodeClip(await encodeWebp(disc, { quality: 'lossless' }))
  assert.equal(back.count, 10)
  assert.ok(Math.abs(back.fps - 24) < 0.1)
  for (const ground of [0, 255]) assert.equal(seenDifference(disc.frames, back.frames, ground), 0)
})

test('a lossy WebP keeps alpha exactly and colours closely', async () => {
  const back = await decodeClip(await encodeWebp(disc, { quality: 90 }))
  assert.deepEqual(
    back.frames.filter((_, i) => i % 4 === 3),
    disc.frames.filter((_, i) => i % 4 === 3),
  )
  const difference = seenDifference(disc.frames, back.frames, 128)
  assert.ok(difference > 0 && difference < 2, `${difference}`)
})

test('a GIF plays the same frames at the same speed; a strip lays them side by side', async () => {
  const gif = await pictureInfo(await encodeGif(disc))
  assert.deepEqual([gif.format, gif.count, gif.width, gif.height], ['gif', 10, 24, 24])
  const strip = await decodeClip(await encodeStrip(disc))
  assert.deepEqual([strip.count, strip.width, strip.height, strip.fps], [1, 10 * 24, 24, 0])
  const pixel = (t: number, x: number, y: number) => disc.frames.subarray(((t * 24 + y) * 24 + x) * 4).subarray(0, 4)
  for (const [t, x, y] of [
    [0, 12, 6],
    [4, 12, 9],
    [8, 0, 0],
  ]) {
    const at = (y * 10 * 24 + t * 24 + x) * 4
    assert.deepEqual(strip.frames.slice(at, at + 4), pixel(t, x, y).slice())
  }
})

test('a frame that is to be shown for 10 ms or less is shown for 100 ms, as browsers do', async () => {
  const raw = { width: 24, height: 10 * 24, channels: 4, pageHeight: 24 } as const
  const delay = [0, 0, 500, 10, 20, 30, 40, 50, 60, 70]
  const shown = [100, 100, 500, 100, ...delay.slice(4)]
  const image = () => sharp(disc.frames, { raw })
  for (const bytes of [await image().gif({ delay }).toBuffer(), await image().webp({ delay }).toBuffer()]) {
    const { delays, fps } = await decodeClip(bytes)
    assert.deepEqual([delays, fps], [shown, 10_000 / 1070])
  }
})

test('a clip of one frame becomes a still', async () => {
  const info = await pictureInfo(
    await encodeWebp({ ...disc, frames: disc.frames.slice(0, 24 * 24 * 4), count: 1, fps: 0 }),
  )
  assert.deepEqual(info, { format: 'webp', width: 24, height: 24, count: 1, delays: [] })
})

test('an XMP document stays in the file', async () => {
  const xmp = '<x:xmpmeta xmlns:x="adobe:ns:meta/"><seed>7</seed></x:xmpmeta>'
  for (const bytes of [await encodeWebp(disc, { xmp }), await encodeStrip(disc, { xmp })]) {
    const kept = (await sharp(bytes).metadata()).xmp
    assert.ok(kept && new TextDecoder().decode(kept).includes('<seed>7</seed>'))
  }
})

test('the delays of any clip sum to its duration within half a millisecond', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 200 }), fc.double({ min: 0.5, max: 240, noNaN: true }), (count, fps) => {
      const delays = frameDelays(count, fps)
      assert.equal(delays.length, count)
      const sum = delays.reduce((a, b) => a + b, 0)
      assert.ok(Math.abs(sum - (count * 1000) / fps) <= 0.5)
    }),
  )
})

test('a file cut short, noise and an empty file are refused, and nothing else is thrown', async () => {
  const whole = await encodeWebp(disc)
  const cut = fc.integer({ min: 0, max: whole.length - 8 }).map((length) => whole.subarray(0, length))
  await fc.assert(
    fc.asyncProperty(fc.oneof(cut, fc.uint8Array({ maxLength: 300 })), async (bytes) => {
      await assert.rejects(decodeClip(bytes, { name: 'a.webp' }), refused(/^a\.webp: damaged, or not a picture/))
    }),
    { numRuns: 60 },
  )
})

test('a picture that claims more pixels than are allowed is refused before it is decoded', async () => {
  await assert.rejects(
    decodeClip(await encodeWebp(disc), { maxPixels: 1000 }),
    refused(/10 frames of 24×24 are more than 1000/),
  )
  const huge = await encodeWebp(disc)
  // VP8X: width and height less one, 24 bits each, 24 bytes into the file.
  huge.set([0xff, 0x3f, 0, 0xff, 0x3f, 0], 24)
  const before = process.memoryUsage().rss
  await assert.rejects(decodeClip(huge), refused(/more than|damaged/))
  assert.ok(process.memoryUsage().rss - before < 2 ** 27)
})

test('a clip whose bytes do not fit its sizes is refused', async () => {
  await assert.rejects(
    encodeWebp({ ...disc, width: 25 }),
    refused(/10 frames of 25×24 needs 24000 bytes \(got 23040\)/),
  )
  await assert.rejects(encodeWebp({ ...disc, fps: 0 }), refused(/needs fps above 0/))
})

test('an SVG is drawn with its longer side at the size asked for, on transparent ground', async () => {
  const svg =
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 20 10"><rect width="10" height="10" fill="#f00"/></svg>'
  const clip = await rasterizeSvg(new TextEncoder().encode(svg), 64)
  assert.deepEqual([clip.width, clip.height, clip.count], [64, 32, 1])
  assert.deepEqual([...clip.frames.subarray(16 * 64 * 4, 16 * 64 * 4 + 4)], [255, 0, 0, 255])
  assert.equal(clip.frames[(16 * 64 + 50) * 4 + 3], 0)
  await assert.rejects(rasterizeSvg(new TextEncoder().encode('<svg'), 64), refused(/damaged/))
})
