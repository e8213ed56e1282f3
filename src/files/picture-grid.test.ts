import assert from 'node:assert/strict'
import { test } from 'node:test'
import sharp from 'sharp'
import { pictureGrid } from './picture-grid.ts'

const raw = async (png: Uint8Array) => sharp(png).raw().toBuffer({ resolveWithObject: true })

test('pictures stand in rows, each value from −1 to 1 as black to white, and what is outside is cut off', async () => {
  const pixels = Float32Array.of(-1, 1, 0, 7, -7, 0.5) // three pictures of 1 × 2
  const png = await pictureGrid(pixels, { channels: 1, height: 1, width: 2, columns: 2, scale: 1 })
  const { data, info } = await raw(png)
  assert.deepEqual([info.width, info.height], [10, 8])
  const at = (x: number, y: number) => data[info.channels * (y * 10 + x)]
  assert.deepEqual([at(2, 2), at(3, 2), at(6, 2), at(7, 2), at(2, 5), at(3, 5)], [0, 255, 128, 255, 0, 191])
  assert.equal(at(0, 0), 220)
})

test('a picture with alpha is shown on white', async () => {
  const pixels = Float32Array.of(0, -1, -1, 0) // red, half there, premultiplied
  const { data } = await raw(await pictureGrid(pixels, { channels: 4, height: 1, width: 1, scale: 1 }))
  assert.deepEqual([...data.subarray(3 * 12, 3 * 12 + 3)], [255, 128, 128])
})

test('each pixel becomes a square of the scale', async () => {
  const png = await pictureGrid(Float32Array.of(1), { channels: 1, height: 1, width: 1, scale: 3 })
  const { info } = await raw(png)
  assert.deepEqual([info.width, info.height], [15, 15])
})

test('numbers that are no whole pictures are refused', async () => {
  const options = { channels: 3, height: 2, width: 2 } as const
  await assert.rejects(pictureGrid(new Float32Array(13), options), { code: 'input', message: /13 numbers/ })
  await assert.rejects(pictureGrid(new Float32Array(0), options), { code: 'input' })
})
