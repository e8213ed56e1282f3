import { TubeletError } from './errors.ts'

// Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"): a bijection of a 128-bit counter
// under a 64-bit key, so that any number of a stream can be computed without the ones before it. From words to values,
// only + - * / and the square root are used: engines may differ in the last bit of Math.log or Math.cos, never in these.

/** Which numbers: each combination names one independent stream. */
export interface StreamName {
  /** Of the run; a whole number from 0 to 2^53 - 1. */
  readonly seed: number
  /** What the numbers are for, e.g. 'noise': streams of two purposes have nothing in common. */
  readonly purpose: string
  /** Training or denoising step, below 2^32. */
  readonly step?: number
  /** Index of the sample within the data set or the batch, below 2^32. */
  readonly sample?: number
}

/** Numbers of one stream: draw i of a kind is a function of the stream's name and of i alone. */
export interface RandomStream {
  /** The next numbers in [0, 1), multiples of 2^-24: `count` of them, or as many as fill a given array. */
  uniform(count: number | Float32Array): Float32Array
  /** The next numbers with mean 0 and variance 1: `count` of them, or as many as fill a given array. */
  normal(count: number | Float32Array): Float32Array
  /** The next whole number in [0, max). */
  integer(max: number): number
  /** The numbers 0 to n - 1 in random order. */
  permutation(n: number): Uint32Array
}

// The kinds of draws have their own counters, so that no word of the generator is used twice.
const kinds = { uniform: 0, normal: 0x9e3779b9, integer: 0x7f4a7c15 } as const

/** Opens a stream of random numbers at its beginning; it costs nothing to open one for each sample of each step. */
export function stream({ seed, purpose, step = 0, sample = 0 }: StreamName): RandomStream {
  if (!Number.isSafeInteger(seed) || seed < 0)
    throw new TubeletError('usage', `seed must be a whole number from 0 to 2^53 - 1, not ${seed}`)
  for (const [name, value] of Object.entries({ step, sample }))
    if (!Number.isInteger(value) || value < 0 || value > 0xffffffff)
      throw new TubeletError(
        'usage',
        `random stream '${purpose}': ${name} must be a whole number below 2^32, not ${value}`,
      )
  const hash = fnv1a(purpose)
  const at = (kind: keyof typeof kinds): Place => ({
    key: Uint32Array.of(seed, seed / 2 ** 32),
    counter: Uint32Array.of(0, hash ^ kinds[kind], step, sample),
    position: 0,
  })
  const places = { uniform: at('uniform'), normal: at('normal'), integer: at('integer') }
  const integer = (max: number) => {
    if (!Number.isInteger(max) || max < 1 || max > 2 ** 32)
      throw new TubeletError('usage', `random integer: max must be a whole number from 1 to 2^32, not ${max}`)
    return nextInteger(places.integer, max)
  }
  return {
    uniform: (count) => fillUniform(places.uniform, arrayOf(count)),
    normal: (count) => fillNormal(places.normal, arrayOf(count)),
    integer,
    permutation(n) {
      const order = Uint32Array.from({ length: n }, (_, i) => i)
      for (let i = n - 1; i > 0; i--) {
        const j = integer(i + 1) // Fisher & Yates
        const moved = order[i]
        order[i] = order[j]
        order[j] = moved
      }
      return order
    },
  }
}

interface Place {
  readonly key: Uint32Array // [2]
  readonly counter: Uint32Array // [4]; word 0 is the number of the block
  position: number // draws already made
}

const arrayOf = (count: number | Float32Array) => (typeof count === 'number' ? new Float32Array(count) : count)

const words = new Uint32Array(4)
const pair = new Float64Array(2)

/** Computes block `index` of a place into `words`. */
function block({ key, counter }: Place, index: number): void {
  if (index > 0xffffffff) throw new TubeletError('usage', 'a random stream holds 2^34 numbers; name another one')
  counter[0] = index
  philox4x32(counter, key, words)
}

function fillUniform(place: Place, out: Float32Array): Float32Array {
  const begin = place.position
  const end = begin + out.length
  for (let index = Math.floor(begin / 4); index * 4 < end; index++) {
    block(place, index)
    const from = index * 4 - begin
    for (let lane = Math.max(0, -from); lane < 4 && from + lane < out.length; lane++)
      out[from + lane] = (words[lane] >>> 8) * 2 ** -24
  }
  place.position = end
  return out
}

function fillNormal(place: Place, out: Float32Array): Float32Array {
  const begin = place.position
  const end = begin + out.length
  for (let index = Math.floor(begin / 4); index * 4 < end; index++) {
    block(place, index)
    for (let lane = 0; lane < 4; lane += 2) {
      const from = index * 4 + lane - begin
      if (from < -1 || from >= out.length) continue
      boxMuller(words[lane], words[lane + 1], pair)
      if (from >= 0) out[from] = pair[0]
      if (from + 1 < out.length) out[from + 1] = pair[1]
    }
  }
  place.position = end
  return out
}

function nextInteger(place: Place, max: number): number {
  const position = place.position++
  block(place, Math.floor(position / 2))
  const lane = (position % 2) * 2
  const u = (words[lane] * 2 ** 21 + (words[lane + 1] >>> 11)) * 2 ** -53 // 53 bits: a bias of max · 2^-53 at most
  return Math.floor(u * max)
}

/** Two words of 32 bits → two independent normal numbers in `pair` [2], each to 1e-12 (Box & Muller 1958). */
export function boxMuller(a: number, b: number, pair: Float64Array): void {
  const radius = Math.sqrt(-2 * logOfFraction(a))
  // The two top bits choose a quadrant; the others an angle x in ±π/4 around its middle axis.
  const x = ((b & 0x3fffffff) - 0x1fffffff - 0.5) * (Math.PI * 2 ** -31)
  const y = x * x
  const sine = radius * x * (1 - y * (1 / 6 - y * (1 / 120 - y * (1 / 5040 - y * (1 / 362880 - y * (S11 - y * S13))))))
  const cosine =
    radius * (1 - y * (0.5 - y * (1 / 24 - y * (1 / 720 - y * (1 / 40320 - y * (C10 - y * (C12 - y * C14)))))))
  const quadrant = b >>> 30
  pair[0] = quadrant === 0 ? cosine : quadrant === 1 ? -sine : quadrant === 2 ? -cosine : sine
  pair[1] = quadrant === 0 ? sine : quadrant === 1 ? cosine : quadrant === 2 ? -sine : -cosine
}
// Coefficients of the Taylor series: on ±π/4 what is left out stays below 3e-14.
const S11 = 1 / 39916800
const S13 = 1 / 6227020800
const C10 = 1 / 3628800
const C12 = 1 / 479001600
const C14 = 1 / 87178291200

const powers = Float64Array.from({ length: 34 }, (_, k) => 2 ** k)

/** Natural logarithm of (word + 1/2) / 2^32, to 1e-14 of its value. */
function logOfFraction(word: number): number {
  let exponent = Math.clz32(word)
  let mantissa = (word + 0.5) * powers[exponent] * 2 ** -32 // in [1/2, 1]
  if (mantissa < Math.SQRT1_2) {
    mantissa *= 2
    exponent += 1
  }
  // log m = 2 artanh s with s = (m - 1) / (m + 1), |s| < 0.172
  const s = (mantissa - 1) / (mantissa + 1)
  const y = s * s
  const tail = y * (1 / 9 + y * (1 / 11 + y * (1 / 13 + y * (1 / 15 + y * (1 / 17)))))
  return 2 * s * (1 + y * (1 / 3 + y * (1 / 5 + y * (1 / 7 + tail)))) - exponent * Math.LN2
}

/** FNV-1a, 32 bits, over UTF-16 code units. */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash >>> 0
}

/** The Philox4x32-10 bijection: counter [4] under key [2] → out [4], all words of 32 bits. */
export function philox4x32(counter: Uint32Array, key: Uint32Array, out: Uint32Array): void {
  let c0 = counter[0]
  let c1 = counter[1]
  let c2 = counter[2]
  let c3 = counter[3]
  let k0 = key[0] | 0
  let k1 = key[1] | 0
  for (let round = 0; round < 10; round++) {
    const high0 = multiplyHigh(c0, 0xd251, 0x1f53)
    const high1 = multiplyHigh(c2, 0xcd9e, 0x8d57)
    const low0 = Math.imul(c0, 0xd2511f53)
    const low1 = Math.imul(c2, 0xcd9e8d57)
    c0 = high1 ^ c1 ^ k0
    c1 = low1
    c2 = high0 ^ c3 ^ k1
    c3 = low0
    k0 = (k0 + 0x9e3779b9) | 0
    k1 = (k1 + 0xbb67ae85) | 0
  }
  out[0] = c0
  out[1] = c1
  out[2] = c2
  out[3] = c3
}

/** The upper 32 bits of a · (high · 2^16 + low), from products of 16-bit halves. */
function multiplyHigh(a: number, high: number, low: number): number {
  const aLow = a & 0xffff
  const aHigh = a >>> 16
  const first = Math.imul(aHigh, low) + (Math.imul(aLow, low) >>> 16)
  const middle = Math.imul(aLow, high) + (first & 0xffff)
  return (Math.imul(aHigh, high) + (first >>> 16) + (middle >>> 16)) | 0
}
