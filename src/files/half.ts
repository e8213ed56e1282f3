// IEEE 754 binary16 ("half", 5 bits of exponent) and bfloat16 (8 bits of exponent) as the bits in a Uint16Array.

let halves: Float32Array | undefined

/** The float of each of the 65,536 halves. */
function halfTable(): Float32Array {
  if (halves) return halves
  halves = new Float32Array(65536)
  for (let h = 0; h < 65536; h++) {
    const exponent = (h >>> 10) & 31
    const fraction = h & 1023
    const sign = h & 0x8000 ? -1 : 1
    if (exponent === 0) halves[h] = sign * fraction * 2 ** -24
    else if (exponent < 31) halves[h] = sign * (1024 + fraction) * 2 ** (exponent - 25)
    else halves[h] = fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY
  }
  return halves
}

/** Half → float, exact. */
export function fromHalf(bits: Uint16Array): Float32Array {
  const table = halfTable()
  const out = new Float32Array(bits.length)
  for (let i = 0; i < bits.length; i++) out[i] = table[bits[i]]
  return out
}

/** Float → half, rounded to nearest, ties to even; 65520 and more become infinite. */
export function toHalf(values: Float32Array): Uint16Array {
  const out = new Uint16Array(values.length)
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length)
  for (let i = 0; i < out.length; i++) {
    const sign = (words[i] >>> 16) & 0x8000
    const word = words[i] & 0x7fffffff
    if (word >= 0x47800000)
      out[i] = sign | (word > 0x7f800000 ? 0x7e00 : 0x7c00) // 65536 and more, infinite or not a number
    else if (word >= 0x38800000)
      // Exponent from bias 127 to 15; a carry of the rounding runs into it, up to infinity, as it should.
      out[i] = sign | ((word - 0x38000000 + 0xfff + ((word >>> 13) & 1)) >>> 13)
    else {
      // Below 2^-14: the spacing of floats from 1/2 to 1 is that of these halves, 2^-24, so an addition rounds.
      scratch[0] = Math.abs(values[i]) + 0.5
      out[i] = sign | (scratchWord[0] - 0x3f000000)
    }
  }
  return out
}
const scratch = new Float32Array(1)
const scratchWord = new Uint32Array(scratch.buffer)

/** bfloat16 → float, exact. */
export function fromBfloat(bits: Uint16Array): Float32Array {
  const words = new Uint32Array(bits.length)
  for (let i = 0; i < bits.length; i++) words[i] = bits[i] << 16
  return new Float32Array(words.buffer)
}

/** Float → bfloat16, rounded to nearest, ties to even. */
export function toBfloat(values: Float32Array): Uint16Array {
  const out = new Uint16Array(values.length)
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length)
  for (let i = 0; i < out.length; i++) {
    const word = words[i]
    if ((word & 0x7fffffff) > 0x7f800000)
      out[i] = (word >>> 16) | 0x40 // stays not a number
    else out[i] = (word + 0x7fff + ((word >>> 16) & 1)) >>> 16
  }
  return out
}
