import { TubeletError } from '../errors.ts'

// The safetensors format: 8 bytes little-endian length N of the header, N bytes of JSON
// { name: { dtype, shape, data_offsets: [begin, end] }, "__metadata__"?: { text: text } }, then the bytes of all tensors,
// without gaps. Nothing in the header is believed before it fits the size of the file.

/** How the bytes of a tensor are stored: array type and bytes of one element. */
export const storedTypes = {
  F64: Float64Array,
  F32: Float32Array,
  F16: Uint16Array,
  BF16: Uint16Array,
  I64: BigInt64Array,
  I32: Int32Array,
  I16: Int16Array,
  I8: Int8Array,
  U64: BigUint64Array,
  U32: Uint32Array,
  U16: Uint16Array,
  U8: Uint8Array,
  BOOL: Uint8Array,
  F8_E4M3: Uint8Array,
  F8_E5M2: Uint8Array,
} as const

/** Name of an element type in a safetensors header. */
export type StoredType = keyof typeof storedTypes

/** Elements as they are in the file. */
export type StoredData =
  | Float64Array
  | Float32Array
  | BigInt64Array
  | BigUint64Array
  | Int32Array
  | Uint32Array
  | Int16Array
  | Uint16Array
  | Int8Array
  | Uint8Array

/** One tensor as it is in the file; F16 and BF16 are bits in a Uint16Array. */
export interface StoredTensor {
  readonly dtype: StoredType
  readonly shape: readonly number[]
  readonly data: StoredData
}

/** Where a tensor lies in the file. */
export interface TensorEntry {
  readonly dtype: StoredType
  readonly shape: readonly number[]
  /** First byte, and the byte after the last, counted from the start of the file. */
  readonly span: readonly [begin: number, end: number]
}

/** All that a safetensors file says before its data. */
export interface SafetensorsHeader {
  readonly tensors: ReadonlyMap<string, TensorEntry>
  readonly metadata: Readonly<Record<string, string>>
}

/** Largest header that any reader accepts, in bytes (as the reference implementation). */
const largestHeader = 100_000_000

const damaged = (where: string, what: string) =>
  new TubeletError('input', `${where}: not a usable safetensors file: ${what}`)

/** Length of the JSON header in bytes, from the first 8 bytes of a file of `fileSize` bytes. */
export function headerLength(first: Uint8Array, fileSize: number, where: string): number {
  if (fileSize < 8 || first.byteLength < 8) throw damaged(where, `it has ${fileSize} bytes, too few for a header`)
  const length = new DataView(first.buffer, first.byteOffset).getBigUint64(0, true)
  if (length > BigInt(fileSize - 8))
    throw damaged(where, `its header claims ${length} bytes, the file has ${fileSize} (truncated, or another format)`)
  if (length > largestHeader) throw damaged(where, `its header claims ${length} bytes, more than ${largestHeader}`)
  return Number(length)
}

/** Reads the JSON header (without its 8 bytes of length) and checks every claim against the size of the file. */
export function parseHeader(json: Uint8Array, fileSize: number, where: string): SafetensorsHeader {
  const header = parseJson(json, where)
  const dataStart = 8 + json.byteLength
  const tensors = new Map<string, TensorEntry>()
  let metadata: Record<string, string> = {}
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') metadata = checkMetadata(entry, where)
    else tensors.set(name, checkEntry(name, entry, { dataStart, fileSize, where }))
  }
  let expected = dataStart
  for (const [name, { span }] of [...tensors].sort(([, a], [, b]) => a.span[0] - b.span[0] || a.span[1] - b.span[1])) {
    if (span[0] !== expected)
      throw damaged(
        where,
        `tensor '${brief(name)}' ${span[0] < expected ? 'overlaps another one' : 'leaves a gap before it'}`,
      )
    expected = span[1]
  }
  if (expected !== fileSize) throw damaged(where, `its tensors end at byte ${expected}, the file at ${fileSize}`)
  return { tensors, metadata }
}

function parseJson(json: Uint8Array, where: string): Record<string, unknown> {
  let text: string
  let header: unknown
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(json)
    header = JSON.parse(text)
  } catch (error) {
    throw damaged(where, `its header is not JSON: ${(error as Error).message}`)
  }
  if (!isObject(header) || text[0] !== '{') throw damaged(where, 'its header is not a JSON object')
  // JSON.parse keeps the last of two equal keys: then the text has more keys than the value.
  if (countKeys(text) !== countOwn(header)) throw damaged(where, 'a name occurs twice in its header')
  return header
}

/** A name or value of the file, short enough for a message. */
const brief = (value: unknown) => {
  const text = typeof value === 'string' ? value : String(JSON.stringify(value))
  return text.length > 80 ? `${text.slice(0, 80)}…` : text
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Number of keys in a valid JSON text: strings that a colon follows. */
function countKeys(text: string): number {
  let keys = 0
  for (let i = text.indexOf('"'); i >= 0; i = text.indexOf('"', i)) {
    for (i++; text[i] !== '"'; i++) if (text[i] === '\\') i++
    i++
    while (text[i] === ' ' || text[i] === '\n' || text[i] === '\r' || text[i] === '\t') i++
    if (text[i] === ':') keys++
  }
  return keys
}

function countOwn(value: unknown): number {
  let keys = 0
  const open = [value]
  while (open.length > 0) {
    const next = open.pop()
    if (typeof next !== 'object' || next === null) continue
    const values = Object.values(next)
    if (!Array.isArray(next)) keys += values.length
    for (const v of values) open.push(v)
  }
  return keys
}

function checkMetadata(entry: unknown, where: string): Record<string, string> {
  if (!isObject(entry) || Object.values(entry).some((text) => typeof text !== 'string'))
    throw damaged(where, "its '__metadata__' must hold texts only")
  return entry as Record<string, string>
}

interface FileFrame {
  readonly dataStart: number
  readonly fileSize: number
  readonly where: string
}

function checkEntry(name: string, entry: unknown, { dataStart, fileSize, where }: FileFrame): TensorEntry {
  if (!isObject(entry)) throw damaged(where, `tensor '${brief(name)}' is not described by an object`)
  const { dtype, shape, data_offsets: offsets } = entry
  if (typeof dtype !== 'string' || !Object.hasOwn(storedTypes, dtype))
    throw damaged(where, `tensor '${brief(name)}' has the unknown dtype '${brief(dtype)}'`)
  if (!isCounts(shape)) throw damaged(where, `tensor '${brief(name)}' has no valid shape`)
  if (!isCounts(offsets) || offsets.length !== 2)
    throw damaged(where, `tensor '${brief(name)}' has no valid data_offsets`)
  const [begin, end] = offsets
  if (begin > end || end > fileSize - dataStart)
    throw damaged(where, `tensor '${brief(name)}' should lie in bytes ${begin} to ${end} of ${fileSize - dataStart}`)
  const bytes = product(shape) * storedTypes[dtype as StoredType].BYTES_PER_ELEMENT
  if (bytes !== end - begin)
    throw damaged(
      where,
      `tensor '${brief(name)}' ${dtype} [${brief(shape.join(', '))}] needs ${bytes} bytes and has ${end - begin}`,
    )
  return { dtype: dtype as StoredType, shape, span: [dataStart + begin, dataStart + end] }
}

const isCounts = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0)

/** Product that is exact below 2^53; above, it is inexact but still larger than any file. */
const product = (shape: readonly number[]) => (shape.includes(0) ? 0 : shape.reduce((a, b) => a * b, 1))

/** The elements of a tensor, given its bytes; a view where the alignment allows it, else a copy. */
export function storedData(dtype: StoredType, bytes: Uint8Array): StoredData {
  const type = storedTypes[dtype]
  const aligned = bytes.byteOffset % type.BYTES_PER_ELEMENT === 0 ? bytes : bytes.slice()
  const buffer = aligned.buffer as ArrayBuffer
  return new type(buffer, aligned.byteOffset, bytes.byteLength / type.BYTES_PER_ELEMENT)
}

/** Reads a safetensors file in memory; tensors are views of it where they can be. `where` names it in errors. */
export function parseSafetensors(
  file: Uint8Array,
  where = 'safetensors',
): { tensors: Map<string, StoredTensor>; metadata: Readonly<Record<string, string>> } {
  const length = headerLength(file.subarray(0, 8), file.byteLength, where)
  const { tensors: entries, metadata } = parseHeader(file.subarray(8, 8 + length), file.byteLength, where)
  const tensors = new Map<string, StoredTensor>()
  for (const [name, { dtype, shape, span }] of entries)
    tensors.set(name, { dtype, shape, data: storedData(dtype, file.subarray(...span)) })
  return { tensors, metadata }
}

/** The file as chunks, header first: equal tensors and metadata give equal bytes, whatever the order of the map. */
export function safetensorsChunks(
  tensors: ReadonlyMap<string, StoredTensor>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array[] {
  // Wide elements first keeps all of them aligned, by name keeps the bytes the same: the order of the reference writer.
  const width = (t: StoredTensor) => t.data.BYTES_PER_ELEMENT
  const ordered = [...tensors].sort(([a, x], [b, y]) => width(y) - width(x) || (a < b ? -1 : 1))
  const texts = Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1))
  const header: [string, unknown][] = texts.length > 0 ? [['__metadata__', Object.fromEntries(texts)]] : []
  let offset = 0
  for (const [name, { dtype, shape, data }] of ordered) {
    if (name === '__metadata__') throw new TubeletError('input', "a tensor cannot be named '__metadata__'")
    if (product(shape) !== data.length || !(data instanceof storedTypes[dtype]))
      throw new TubeletError(
        'input',
        `tensor '${name}' ${dtype} [${shape.join(', ')}] does not fit ${data.constructor.name} of ${data.length}`,
      )
    header.push([name, { dtype, shape, data_offsets: [offset, offset + data.byteLength] }])
    offset += data.byteLength
  }
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(header)))
  const padded = Math.ceil(json.byteLength / 8) * 8 // so that the data is aligned
  const head = new Uint8Array(8 + padded).fill(0x20)
  new DataView(head.buffer).setBigUint64(0, BigInt(padded), true)
  head.set(json, 8)
  return [head, ...ordered.map(([, { data }]) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength))]
}

/** The bytes of a safetensors file. */
export function serializeSafetensors(
  tensors: ReadonlyMap<string, StoredTensor>,
  metadata?: Readonly<Record<string, string>>,
): Uint8Array {
  const chunks = safetensorsChunks(tensors, metadata)
  const file = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0))
  let at = 0
  for (const chunk of chunks) {
    file.set(chunk, at)
    at += chunk.byteLength
  }
  return file
}
