import onnxProto from 'onnx-proto'
import type { Attribute, DType, Emitter, Shape, Value } from '../graph/index.ts'

const { onnx } = onnxProto
const { AttributeProto, TensorProto } = onnx

/** One ONNX node on its way into a model. */
export interface WrittenNode {
  readonly type: string
  readonly inputs: readonly Value[]
  readonly outputs: readonly Value[]
  readonly attributes: Record<string, Attribute>
  readonly domain: string
  readonly name: string
}

/** An array stored in the model. */
interface Stored {
  readonly name: string
  readonly type: number
  readonly shape: Shape
  readonly bytes: Uint8Array
}

/** ONNX's number for an element type. */
const elementType: Record<DType, number> = {
  float32: TensorProto.DataType.FLOAT,
  int32: TensorProto.DataType.INT32,
  bool: TensorProto.DataType.BOOL,
}

/** Whether a name could be one that the writer gives to the values and constants of a model. */
export const isInner = (name: string): boolean => /^[vc]#\d+$/.test(name)

const typeOf = (data: Float32Array | Int32Array | Int8Array): number =>
  data instanceof Int8Array
    ? TensorProto.DataType.INT8
    : data instanceof Int32Array
      ? elementType.int32
      : elementType.float32

const bytesOf = (a: ArrayBufferView) => new Uint8Array(a.buffer, a.byteOffset, a.byteLength)

/** Collects nodes and constants, and turns them into the bytes of an ONNX model. */
export function writer({ target, channelBlock }: Pick<Emitter, 'target' | 'channelBlock'>) {
  const nodes: WrittenNode[] = []
  const stored: Stored[] = []
  const constants = new Map<string, Value>()
  const shared = new Map<string, Value>()
  const roundable = new Map<Value, Float32Array>()
  let values = 0
  let path = ''

  const once = (key: string, type: number, shape: Shape, make: () => ArrayBufferView): Value => {
    const known = constants.get(key)
    if (known) return known
    const name = `c#${stored.length}`
    stored.push({ name, type, shape, bytes: bytesOf(make()) })
    constants.set(key, name)
    return name
  }

  const emitter: Emitter = {
    target,
    channelBlock,
    node: (type, inputs, attributes, domain) => emitter.nodes(type, inputs, 1, attributes, domain)[0],
    nodeOnce(...node) {
      const key = JSON.stringify(node)
      const value = shared.get(key) ?? emitter.node(...node)
      shared.set(key, value)
      return value
    },
    nodes(type, inputs, outputs, attributes = {}, domain = '') {
      const names = Array.from({ length: outputs }, () => `v#${values++}`)
      nodes.push({ type, inputs, outputs: names, attributes, domain, name: `${path}/${type}.${nodes.length}` })
      return names
    },
    ints: (list) =>
      once(`i ${list.join(' ')}`, TensorProto.DataType.INT64, [list.length], () => BigInt64Array.from(list, BigInt)),
    scalar: (value, dtype = 'float32') =>
      once(`${dtype} ${value}`, elementType[dtype], [], () =>
        dtype === 'int32' ? Int32Array.of(value) : Float32Array.of(value),
      ),
    array(data, shape) {
      const uniform = data.every((v) => v === data[0])
      const type = typeOf(data)
      const key = uniform ? `${type} ${data[0]} [${shape}]` : `#${stored.length}`
      return once(key, type, shape, () => data)
    },
    roundable: (value) => roundable.get(value),
  }
  return {
    emitter,
    nodes,
    /** Nodes written from now on carry this path in their name. */
    within: (scope: string) => {
      path = scope
    },
    /** Stores a named array, which nodes read by that name, or in 8 bits where they can. */
    store: (name: string, data: Float32Array | Int32Array, { shape, int8 }: { shape: Shape; int8: boolean }) => {
      stored.push({ name, type: typeOf(data), shape, bytes: bytesOf(data) })
      if (int8 && data instanceof Float32Array) roundable.set(name, data)
    },
    stored,
  }
}

function attributeProto(name: string, value: Attribute) {
  const { AttributeType } = AttributeProto
  if (typeof value === 'number') return { name, type: AttributeType.INT, i: value }
  if (typeof value === 'string') return { name, type: AttributeType.STRING, s: new TextEncoder().encode(value) }
  if ('float' in value) return { name, type: AttributeType.FLOAT, f: value.float }
  if ('floats' in value) return { name, type: AttributeType.FLOATS, floats: [...value.floats] }
  return { name, type: AttributeType.INTS, ints: [...value] }
}

/** An input or output of the model. */
export interface Port {
  readonly name: string
  readonly dtype: DType
  readonly shape: Shape
}

const valueInfo = ({ name, dtype, shape }: Port) => ({
  name,
  type: { tensorType: { elemType: elementType[dtype], shape: { dim: shape.map((n) => ({ dimValue: n })) } } },
})

/** The bytes of an ONNX model, operator set 21. */
export function modelBytes(
  nodes: readonly WrittenNode[],
  stored: readonly Stored[],
  inputs: readonly Port[],
  outputs: readonly Port[],
): Uint8Array {
  const model = onnx.ModelProto.create({
    irVersion: 10 as number,
    producerName: 'tubelet',
    opsetImport: [
      { domain: '', version: 21 },
      { domain: 'com.microsoft', version: 1 },
      { domain: 'com.microsoft.nchwc', version: 1 },
    ],
    graph: {
      name: 'tubelet',
      node: nodes.map(({ type, inputs, outputs, attributes, domain, name }) => ({
        opType: type,
        input: [...inputs],
        output: [...outputs],
        name,
        domain,
        attribute: Object.entries(attributes).map(([key, value]) => attributeProto(key, value)),
      })),
      initializer: stored.map(({ name, type, shape, bytes }) => ({
        name,
        dataType: type,
        dims: [...shape],
        rawData: bytes,
      })),
      input: inputs.map(valueInfo),
      output: outputs.map(valueInfo),
    },
  })
  return onnx.ModelProto.encode(model).finish()
}
