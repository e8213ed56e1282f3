import assert from 'node:assert/strict'
import { test } from 'node:test'
import { boxMuller, philox4x32, stream } from './random.ts'

test('Philox4x32-10 gives the known answers that Random123 publishes (kat_vectors)', () => {
  const cases = [
    { counter: [0, 0, 0, 0], key: [0, 0], out: [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8] },
    {
      counter: [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
      key: [0xffffffff, 0xffffffff],
      out: [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
    },
    {
      counter: [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      key: [0xa4093822, 0x299f31d0],
      out: [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    },
  ]
  const out = new Uint32Array(4)
  for (const { counter, key, out: want } of cases) {
    philox4x32(Uint32Array.from(counter), Uint32Array.from(key), out)
    assert.deepEqual([...out], want)
  }
})

test('Box-Muller by polynomials agrees with logarithm, cosine and sine to 1e-12', () => {
  const pair = new Float64Array(2)
  const edges = [
    0, 1, 2, 0x3fffffff, 0x40000000, 0x7fffffff, 0x80000000, 0xb504f333, 0xc0000000, 0xfffffffe, 0xffffffff,
  ]
  const words = [
    ...edges,
    ...stream({ seed: 5, purpose: 'words' })
      .uniform(400)
      .map((u) => u * 2 ** 32),
  ]
  for (const a of words)
    for (const b of words) {
      boxMuller(a, b, pair)
      const radius = Math.sqrt(-2 * Math.log((a + 0.5) / 2 ** 32))
      const angle = ((b >>> 30) * Math.PI) / 2 + ((b & 0x3fffffff) - 0x20000000 + 0.5) * (Math.PI / 2 ** 31)
      const error = Math.max(Math.abs(pair[0] - radius * Math.cos(angle)), Math.abs(pair[1] - radius * Math.sin(angle)))
      assert.ok(error <= 1e-12 * Math.max(1, radius), `words ${a}, ${b}: off by ${error}`)
    }
})

test('a draw depends on its position alone, not on how the draws before it were asked for', () => {
  const name = { seed: 2 ** 40 + 3, purpose: 'noise', step: 7, sample: 4_000_000_000 }
  for (const kind of ['uniform', 'normal'] as const) {
    const whole = stream(name)[kind](50)
    const pieces = stream(name)
    const got: number[] = []
    for (const count of [1, 1, 1, 2, 3, 0, 5, 4, 8, 25]) {
      pieces.integer(10) // other kinds of draws in between change nothing
      got.push(...pieces[kind](count))
    }
    assert.deepEqual(got, [...whole], kind)
    const filled = new Float32Array(50)
    assert.equal(stream(name)[kind](filled), filled)
    assert.deepEqual(filled, whole)
  }
})

test('seed, its high bits, purpose, step and sample each name another stream', () => {
  const base = { seed: 1, purpose: 'noise', step: 2, sample: 3 }
  const names = [
    base,
    { ...base, seed: 2 },
    { ...base, seed: 1 + 2 ** 32 },
    { ...base, purpose: 'init' },
    { ...base, step: 3 },
    { ...base, sample: 2 },
    { ...base, step: 3, sample: 2 },
  ]
  const firsts = names.map((name) => stream(name).uniform(4).join())
  assert.equal(new Set(firsts).size, names.length)
  const s = stream(base)
  assert.notDeepEqual(s.uniform(4), s.uniform(4))
})

test('the numbers never change between versions or engines: bits of the first draws', () => {
  const s = stream({ seed: 2026, purpose: 'golden', step: 1, sample: 2 })
  const bits = (x: Float32Array) => [...new Uint32Array(x.buffer)].map((word) => word.toString(16))
  assert.deepEqual(bits(s.uniform(3)), ['3f51a69d', '3ef454c8', '3e04e040'])
  assert.deepEqual(bits(s.normal(4)), ['bfe68372', '3f888132', 'beb75721', 'bf2fc789'])
  assert.deepEqual([s.integer(1000), s.integer(2 ** 32)], [821, 3484921014])
  let sum = 0
  for (const word of new Uint32Array(s.normal(100_000).buffer)) sum = (Math.imul(sum, 31) + word) | 0
  assert.equal(sum, 1481783031)
})

/** Largest distance between the empirical distribution and `cdf`. */
function kolmogorovSmirnov(values: Float32Array, cdf: (x: number) => number): number {
  const sorted = values.slice().sort()
  let distance = 0
  sorted.forEach((x, i) => {
    const p = cdf(x)
    distance = Math.max(distance, Math.abs(p - i / sorted.length), Math.abs(p - (i + 1) / sorted.length))
  })
  return distance
}

/** Integral of the normal density by Simpson's rule. */
function normalCdf(x: number): number {
  const density = (t: number) => Math.exp((-t * t) / 2) / Math.sqrt(2 * Math.PI)
  const n = 200
  let sum = density(0) + density(x)
  for (let i = 1; i < n; i++) sum += density((x * i) / n) * (i % 2 ? 4 : 2)
  return 0.5 + (sum * x) / n / 3
}

test('uniform and normal numbers have the moments and the distribution of their names', () => {
  const n = 100_000
  const critical = 1.63 / Math.sqrt(n) // 1 % level of Kolmogorov and Smirnov
  for (let sample = 0; sample < 3; sample++) {
    const s = stream({ seed: 11, purpose: 'test', sample })
    const u = s.uniform(n)
    assert.ok(u.every((x) => x >= 0 && x < 1))
    assert.ok(kolmogorovSmirnov(u, (x) => x) < critical)
    const z = s.normal(n)
    const moment = (p: number) => z.reduce((sum, x) => sum + x ** p, 0) / n
    assert.ok(Math.abs(moment(1)) < 0.01)
    assert.ok(Math.abs(moment(2) - 1) < 0.015)
    assert.ok(Math.abs(moment(3)) < 0.03)
    assert.ok(Math.abs(moment(4) - 3) < 0.1)
    let neighbours = 0
    for (let i = 1; i < n; i++) neighbours += z[i] * z[i - 1]
    assert.ok(Math.abs(neighbours / n) < 0.01, 'neighbours are not correlated')
    assert.ok(kolmogorovSmirnov(z, normalCdf) < critical)
  }
})

test('first draws of neighbouring streams are as independent as draws of one stream', () => {
  const n = 20_000
  const first = (name: (i: number) => object) =>
    Float32Array.from({ length: n }, (_, i) => stream({ seed: 0, purpose: 'p', ...name(i) }).uniform(1)[0])
  for (const name of [(i: number) => ({ seed: i }), (i: number) => ({ step: i }), (i: number) => ({ sample: i })])
    assert.ok(kolmogorovSmirnov(first(name), (x) => x) < 1.63 / Math.sqrt(n))
})

test('integers are even over their range and a permutation holds each number once', () => {
  const s = stream({ seed: 3, purpose: 'shuffle' })
  const counts = new Uint32Array(7)
  for (let i = 0; i < 70_000; i++) counts[s.integer(7)]++
  const chiSquare = counts.reduce((sum, c) => sum + (c - 10_000) ** 2 / 10_000, 0)
  assert.ok(chiSquare < 16.8, `chi square ${chiSquare}`) // 1 % level at 6 degrees of freedom
  const order = s.permutation(1000)
  assert.deepEqual(
    [...order].sort((a, b) => a - b),
    [...Array(1000).keys()],
  )
  assert.notDeepEqual(order, s.permutation(1000))
  assert.deepEqual([...s.permutation(0)], [])
})

test('a seed, step or range that does not fit is refused', () => {
  for (const seed of [-1, 0.5, Number.NaN, 2 ** 53])
    assert.throws(() => stream({ seed, purpose: 'x' }), { code: 'usage', message: new RegExp(`not ${seed}`) })
  assert.throws(() => stream({ seed: 0, purpose: 'x', step: 2 ** 32 }), /step must be a whole number below 2\^32/)
  assert.throws(() => stream({ seed: 0, purpose: 'x' }).integer(0), /max must be a whole number from 1/)
})
