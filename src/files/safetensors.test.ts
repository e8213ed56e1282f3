import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { TubeletError } from '../errors.ts'
import { fromStored, toStored } from './arrays.ts'
import { toBfloat, toHalf } from './half.ts'
import {
  parseSafetensors,
  type StoredTensor,
  type StoredType,
  serializeSafetensors,
  storedTypes,
} from './safetensors.ts'

/** A file from a header, given as text or value, and `bytes` bytes of data. */
function file(header: unknown, bytes = 0, length?: bigint): Uint8Array {
  const json = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header))
  const out = new Uint8Array(8 + json.length + bytes)
  new DataView(out.buffer).setBigUint64(0, length ?? BigInt(json.length), true)
  out.set(json, 8)
  return out
}
const entry = (shape: unknown, offsets: unknown, dtype: unknown = 'F32') => ({ dtype, shape, data_offsets: offsets })

const storedTensor: fc.Arbitrary<StoredTensor> = fc
  .tuple(
    fc.constantFrom(...(Object.keys(storedTypes) as StoredType[])),
    fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 }),
    fc.nat(255),
  )
  .map(([dtype, shape, byte]) => {
    const data = new storedTypes[dtype](shape.reduce((a, b) => a * b, 1))
    new Uint8Array(data.buffer).forEach((_, i, bytes) => {
      bytes[i] = byte + i
    })
    return { dtype, shape, data }
  })
const name = fc.oneof(fc.string({ unit: 'grapheme' }), fc.constantFrom('__proto__', 'constructor', '0', 'a"b\\', '名'))
const tensorMap = fc.array(fc.tuple(name, storedTensor), { maxLength: 6 }).map((list) => new Map(list))

const bytesOf = ({ data }: StoredTensor) => [...new Uint8Array(data.buffer, data.byteOffset, data.byteLength)]

test('any tensors and texts come back from the file as they went in', () => {
  fc.assert(
    fc.property(tensorMap, fc.dictionary(name, fc.string()), (tensors, metadata) => {
      const back = parseSafetensors(serializeSafetensors(tensors, metadata))
      assert.deepEqual([...back.tensors.keys()].sort(), [...tensors.keys()].sort())
      for (const [key, want] of tensors) {
        const got = back.tensors.get(key)!
        assert.equal(got.dtype, want.dtype)
        assert.deepEqual(got.shape, want.shape)
        assert.deepEqual(bytesOf(got), bytesOf(want))
      }
      assert.deepEqual(Object.entries(back.metadata).sort(), Object.entries(metadata).sort())
    }),
  )
})

test('the bytes do not depend on the order of the tensors, and data is aligned', () => {
  const a: StoredTensor = { dtype: 'F32', shape: [2], data: Float32Array.of(1, 2) }
  const b: StoredTensor = { dtype: 'U8', shape: [3], data: Uint8Array.of(1, 2, 3) }
  const c: StoredTensor = { dtype: 'I64', shape: [], data: BigInt64Array.of(5n) }
  const one = serializeSafetensors(
    new Map([
      ['a', a],
      ['b', b],
      ['c', c],
    ]),
    { y: '1', x: '2' },
  )
  const two = serializeSafetensors(
    new Map([
      ['c', c],
      ['b', b],
      ['a', a],
    ]),
    { x: '2', y: '1' },
  )
  assert.deepEqual(one, two)
  for (const { data } of parseSafetensors(one).tensors.values()) assert.equal(data.buffer, one.buffer)
  const shifted = new Uint8Array(one.length + 1)
  shifted.set(one, 1)
  assert.deepEqual(parseSafetensors(shifted.subarray(1)).tensors.get('a')!.data, a.data)
})

test('a damaged or hostile file is refused in words, before anything of the claimed size is allocated', () => {
  const cases: [string, Uint8Array, RegExp][] = [
    ['empty', new Uint8Array(0), /0 bytes, too few/],
    ['short', new Uint8Array(7), /7 bytes, too few/],
    ['length 2^64 - 1', file('{}', 0, 2n ** 64n - 1n), /claims 18446744073709551615 bytes, the file has 10/],
    ['length one too many', file('{}', 0, 3n), /claims 3 bytes/],
    ['not JSON', file('{"a":'), /not JSON/],
    ['not UTF-8', file('{"\ud800": 1}').map((b) => (b === 0xef ? 0xff : b)), /not JSON/],
    ['an array', file('[]'), /not a JSON object/],
    ['leading space', file(' {}'), /not a JSON object/],
    ['deep nesting', file(`{"a":${'['.repeat(200_000)}`), /not JSON/],
    ['a number', file({ a: 1 }), /tensor 'a' is not described/],
    ['unknown dtype', file({ a: entry([1], [0, 4], 'Q4') }, 4), /unknown dtype 'Q4'/],
    ['dtype of the prototype', file({ a: entry([1], [0, 4], 'toString') }, 4), /unknown dtype 'toString'/],
    ['dtype missing', file({ a: { shape: [1], data_offsets: [0, 4] } }, 4), /unknown dtype 'undefined'/],
    ['negative size', file({ a: entry([-1], [0, 4]) }, 4), /no valid shape/],
    ['half a size', file({ a: entry([0.5], [0, 2]) }, 2), /no valid shape/],
    ['size as text', file({ a: entry(['1'], [0, 4]) }, 4), /no valid shape/],
    ['size beyond 2^53', file('{"a":{"dtype":"F32","shape":[1e300],"data_offsets":[0,4]}}', 4), /no valid shape/],
    ['product that overflows', file({ a: entry([2 ** 40, 2 ** 40], [0, 4]) }, 4), /needs .* bytes and has 4/],
    ['product that wraps 64 bits to 0', file({ a: entry([2 ** 32, 2 ** 32], [0, 0]) }), /needs .* bytes and has 0/],
    ['terabytes', file({ a: entry([2 ** 40], [0, 2 ** 42]) }, 4), /should lie in bytes 0 to 4398046511104 of 4/],
    ['begin after end', file({ a: entry([0], [4, 0]) }, 4), /should lie/],
    ['one offset', file({ a: entry([1], [0]) }, 4), /no valid data_offsets/],
    ['span too short', file({ a: entry([2], [0, 4]) }, 4), /needs 8 bytes and has 4/],
    ['overlap', file({ a: entry([2], [0, 8]), b: entry([2], [4, 12]) }, 12), /'b' overlaps/],
    ['gap', file({ a: entry([1], [0, 4]), b: entry([1], [8, 12]) }, 12), /'b' leaves a gap/],
    ['trailing bytes', file({ a: entry([1], [0, 4]) }, 9), /its tensors end at byte/],
    [
      'name twice',
      file('{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}'),
      /twice/,
    ],
    [
      'name twice, spelt differently',
      file(
        '{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"\\u0061":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}',
      ),
      /twice/,
    ],
    ['key twice in an entry', file('{"a":{"dtype":"U8","dtype":"U8","shape":[0],"data_offsets":[0,0]}}'), /twice/],
    ['metadata not text', file({ __metadata__: { a: 1 } }), /texts only/],
    ['a name of a megabyte', file({ ['x'.repeat(1e6)]: 1 }), /^.{0,300}$/],
  ]
  for (const [what, bytes, message] of cases)
    assert.throws(
      () => parseSafetensors(bytes, 'w.safetensors'),
      (error) =>
        error instanceof TubeletError &&
        error.code === 'input' &&
        /^w\.safetensors: /.test(error.message) &&
        message.test(error.message),
      what,
    )
})

test('no damage to a file leads to anything but its refusal or tensors of the size it says', () => {
  fc.assert(
    fc.property(
      tensorMap,
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }),
      fc.nat(),
      (tensors, edits, cut) => {
        const bytes = serializeSafetensors(tensors)
        for (const [at, value] of edits) bytes[at % bytes.length] = value
        const damaged = cut % 3 === 0 ? bytes.subarray(0, cut % (bytes.length + 1)) : bytes
        try {
          for (const { shape, data } of parseSafetensors(damaged).tensors.values())
            assert.equal(
              data.length,
              shape.reduce((a, b) => a * b, 1),
            )
        } catch (error) {
          if (!(error instanceof TubeletError)) throw error
          assert.equal(error.code, 'input')
        }
      },
    ),
    { numRuns: 500 },
  )
})

test('writing refuses a shape that does not fit its data and the reserved name', () => {
  const bad: StoredTensor = { dtype: 'F32', shape: [3], data: Float32Array.of(1) }
  assert.throws(
    () => serializeSafetensors(new Map([['w', bad]])),
    /tensor 'w' F32 \[3\] does not fit Float32Array of 1/,
  )
  const odd: StoredTensor = { dtype: 'F32', shape: [1], data: Int32Array.of(1) }
  assert.throws(() => serializeSafetensors(new Map([['w', odd]])), /does not fit Int32Array/)
  const fine: StoredTensor = { dtype: 'F32', shape: [1], data: Float32Array.of(1) }
  assert.throws(() => serializeSafetensors(new Map([['__metadata__', fine]])), /cannot be named/)
})

test('stored floats of each width become float32, whole numbers int32, and what does not fit is refused', () => {
  const x = Float32Array.of(1.5, -2, 0)
  const shape = [3]
  const cases: [StoredTensor, number[]][] = [
    [{ dtype: 'F32', shape, data: x }, [1.5, -2, 0]],
    [{ dtype: 'F64', shape, data: Float64Array.from(x) }, [1.5, -2, 0]],
    [{ dtype: 'F16', shape, data: toHalf(x) }, [1.5, -2, 0]],
    [{ dtype: 'BF16', shape, data: toBfloat(x) }, [1.5, -2, 0]],
    [{ dtype: 'I64', shape, data: BigInt64Array.of(-1n, 2n, 3n) }, [-1, 2, 3]],
    [{ dtype: 'U16', shape, data: Uint16Array.of(1, 2, 65535) }, [1, 2, 65535]],
    [{ dtype: 'BOOL', shape, data: Uint8Array.of(0, 1, 1) }, [0, 1, 1]],
  ]
  for (const [tensor, want] of cases) assert.deepEqual([...fromStored('x', tensor).data], want, tensor.dtype)
  const large: StoredTensor = { dtype: 'I64', shape: [1], data: BigInt64Array.of(2n ** 31n) }
  assert.throws(() => fromStored('ids', large), /'ids' holds 2147483648, which does not fit 32 bits/)
  const eight: StoredTensor = { dtype: 'F8_E4M3', shape: [1], data: Uint8Array.of(1) }
  assert.throws(() => fromStored('w', eight), /stored as F8_E4M3, which is not supported/)
  assert.deepEqual(toStored({ data: x, shape }, 'F16'), { dtype: 'F16', shape, data: toHalf(x) })
  assert.equal(toStored({ data: Int32Array.of(1), shape: [1] }, 'F16').dtype, 'I32')
})
