import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stream } from '../random.ts'
import { fromBfloat, fromHalf, toBfloat, toHalf } from './half.ts'

const all = Uint16Array.from({ length: 65536 }, (_, i) => i)

test('every half and every bfloat16 survives the way to float and back', () => {
  for (const [to, from] of [
    [toHalf, fromHalf],
    [toBfloat, fromBfloat],
  ] as const) {
    const floats = from(all)
    const back = to(floats)
    for (let i = 0; i < 65536; i++)
      if (Number.isNaN(floats[i])) assert.ok(Number.isNaN(from(back.subarray(i, i + 1))[0]), `NaN ${i}`)
      else assert.equal(back[i], i)
  }
})

/** The nearest of all finite halves by search, ties to even bits. */
function nearest(value: number, sorted: { bits: number; value: number }[]): number {
  let low = 0
  let high = sorted.length - 1
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if (sorted[middle].value <= value) low = middle
    else high = middle
  }
  const below = value - sorted[low].value
  const above = sorted[high].value - value
  if (below !== above) return below < above ? sorted[low].bits : sorted[high].bits
  return sorted[low].bits % 2 === 0 ? sorted[low].bits : sorted[high].bits
}

test('floats round to the nearest half, ties to even, below the smallest normal too', () => {
  const floats = fromHalf(all)
  const sorted = [...all]
    .filter((bits) => bits < 0x7c00)
    .map((bits) => ({ bits, value: floats[bits] }))
    .sort((a, b) => a.value - b.value)
  const random = stream({ seed: 4, purpose: 'half' })
  const values = random.uniform(4000).map((u, i) => u * 2 ** -((i % 40) - 15))
  const ties = sorted.slice(0, -1).map(({ value }, i) => (value + sorted[i + 1].value) / 2)
  const tests = [...values, ...ties.filter((_, i) => i % 7 === 0), ...ties.slice(0, 40), 2 ** -25, 2 ** -25 + 2 ** -48]
  for (const value of tests.map(Math.fround).filter((v) => v <= 65504)) {
    const [plus, minus] = toHalf(Float32Array.of(value, -value))
    assert.equal(plus, nearest(value, sorted), `${value}`)
    assert.equal(minus, plus | 0x8000)
  }
})

test('large floats become infinite halves from 65520 on, and NaN stays NaN', () => {
  assert.deepEqual(
    [...toHalf(Float32Array.of(65504, 65519.99, 65520, 1e9, -Infinity))],
    [0x7bff, 0x7bff, 0x7c00, 0x7c00, 0xfc00],
  )
  assert.ok(Number.isNaN(fromHalf(toHalf(Float32Array.of(Number.NaN)))[0]))
  // A NaN whose upper 16 bits alone would read as infinite.
  const odd = new Float32Array(Uint32Array.of(0x7f800001, 0xff80ffff).buffer)
  assert.ok(fromBfloat(toBfloat(odd)).every(Number.isNaN))
})

test('floats round to the nearest bfloat16, ties to even', () => {
  const up = (word: number) => new Float32Array(Uint32Array.of(word).buffer)
  assert.deepEqual([...toBfloat(up(0x3f808000))], [0x3f80])
  assert.deepEqual([...toBfloat(up(0x3f818000))], [0x3f82])
  assert.deepEqual([...toBfloat(up(0x3f808001))], [0x3f81])
  assert.deepEqual([...toBfloat(up(0x3f807fff))], [0x3f80])
  assert.deepEqual([...toBfloat(up(0x7f7fffff))], [0x7f80])
})
