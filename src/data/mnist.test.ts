import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { scratchFolder } from '../../test/cli.ts'
import { digitPictures, digitSide, mnist, mnistSet } from './mnist.ts'

const folder = await scratchFolder()
await mkdir(join(folder, 'src', 'digits'), { recursive: true })
const write = (label: number, data: readonly number[]) =>
  writeFile(join(folder, 'src', 'digits', `${label}.json`), JSON.stringify({ data }))
const pixels = digitSide ** 2
/** As many digits of a label as 10 + label, the first pixel of each telling its number. */
const digits = (label: number) =>
  Array.from({ length: (10 + label) * pixels }, (_, i) => (i % pixels === 0 ? Math.floor(i / pixels) / 255 : 1))
for (let label = 0; label < 10; label++) await write(label, digits(label))
const locate = async () => folder

test('every tenth digit of a class is held out, and the two parts are all there is', async () => {
  const [train, heldOut] = [await mnist({ split: 'train', locate }), await mnist({ split: 'held-out', locate })]
  assert.deepEqual([train.count, heldOut.count], [135, 10])
  assert.deepEqual([...heldOut.labels], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  assert.equal(train.labels.filter((label) => label === 7).length, 16)
  const numbers = ({ images, labels }: typeof train, label: number) =>
    [...labels].flatMap((own, n) => (own === label ? [images[n * pixels]] : []))
  assert.deepEqual(numbers(train, 3), [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12])
  assert.deepEqual(numbers(heldOut, 3), [9])
  assert.equal(train.images[1], 255)
})

test('as a data set, a digit is black ink on nothing, and its name is told in both languages', async () => {
  const { samples } = await mnistSet({ locate })
  assert.equal(samples.length, 145)
  const { concept, labels, split, make } = samples.find(
    ({ split, labels }) => split === 'held-out' && (labels as { digit: number }).digit === 3,
  )!
  assert.deepEqual(
    [concept.en.label, concept.zh.label, concept.group, labels, split],
    ['digit three', '数字三', '3', { digit: 3 }, 'held-out'],
  )
  const { frames, width, height } = make({ size: 28, frames: 1 })
  assert.deepEqual([frames.length, width, height], [4 * pixels, digitSide, digitSide])
  assert.deepEqual([...frames.subarray(0, 8)], [0, 0, 0, 9, 0, 0, 0, 255])
})

test('pictures of digits are −1 for paper and 1 for ink, and smaller ones are averages', async () => {
  const images = new Uint8Array(2 * pixels).fill(255, 0, pixels + 14 * digitSide)
  const digits = { count: 2, images, labels: Uint8Array.of(3, 8) }
  const whole = digitPictures(digits)
  assert.deepEqual([...whole.shape, whole.count, ...whole.labels.digit], [1, 28, 28, 2, 3, 8])
  assert.ok(whole.pixels.every((value, i) => value === (i < pixels + 14 * digitSide ? 1 : -1)))
  assert.deepEqual([...digitPictures(digits, 2).pixels], [1, 1, 1, 1, 1, 1, -1, -1])
  assert.ok(Math.abs(digitPictures(digits, 1).pixels[1]) < 0.01)
})

test('a file that does not hold whole digits is named', async () => {
  await write(4, [0, 1])
  await assert.rejects(mnist({ split: 'train', locate }), /4\.json: must hold 'data', the 784 pixels of each digit/)
  await write(
    4,
    Array.from({ length: pixels }, () => 2),
  )
  await assert.rejects(mnist({ split: 'train', locate }), /4\.json: pixels must be numbers from 0 to 1/)
  await write(4, digits(4))
})
