import * as ort from 'onnxruntime-node'
import { TubeletError } from '../errors.ts'
import { type Port, toOnnx } from '../onnx/index.ts'
import { type Arrays, checkArray, type LoadOptions, type Program, type Runtime } from './runtime.ts'

/** Where a Node runtime computes. */
export interface NodeRuntimeOptions {
  readonly device?: 'cpu' | 'webgpu'
  readonly threads?: number // of each program; all cores where absent
}

/** Programs on ONNX Runtime in Node. On WebGPU an op without a GPU kernel is an error, never a silent fallback. */
export function nodeRuntime({ device = 'cpu', threads = 0 }: NodeRuntimeOptions = {}): Runtime {
  return {
    device,
    async load(outputs, options = {}) {
      const model = toOnnx(outputs, { target: device, constants: options.constants })
      const session = await createSession(model.bytes, device, { threads, ...options })
      const ports = model.outputs.map(({ name, shape, dtype }) => ({ name, shape, dtype }))
      const values = new Map(model.outputs.map(({ name, value }) => [name, value]))
      return program(session, { inputs: model.inputs, ports, values, profile: options.profile !== undefined })
    },
  }
}

async function createSession(
  bytes: Uint8Array,
  device: 'cpu' | 'webgpu',
  { threads, spin = false, constants, profile }: LoadOptions,
) {
  try {
    return await ort.InferenceSession.create(bytes, {
      executionProviders: [device],
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      // Training graphs come out fused and ordered; the optimiser would merge what recomputation keeps apart.
      graphOptimizationLevel: constants ? 'all' : 'disabled',
      enableMemPattern: false,
      ...(profile === undefined ? {} : { enableProfiling: true, profileFilePrefix: profile }),
      logSeverityLevel: 3,
      extra: {
        session: {
          intra_op: { allow_spinning: spin ? '1' : '0' },
          disable_cpu_ep_fallback: device === 'webgpu' ? '1' : '0',
        },
      },
    })
  } catch (error) {
    throw new TubeletError(
      'memory',
      `the engine could not load the program on ${device}: ${(error as Error).message}`,
      { cause: error },
    )
  }
}

interface Wiring {
  readonly inputs: readonly Port[]
  readonly ports: readonly Port[]
  readonly values: ReadonlyMap<string, string>
  readonly profile: boolean
}

function program(session: ort.InferenceSession, { inputs, ports, values, profile }: Wiring): Program {
  // Weights are fed from the same array at each step: their tensor objects are made once.
  const wrapped = new Map<string, { array: Arrays[string]; tensor: ort.Tensor }>()
  const wrap = (key: string, { dtype, shape }: Port, array: Arrays[string]) => {
    const known = wrapped.get(key)
    if (known?.array === array) return known.tensor
    const tensor = new ort.Tensor(dtype, array as Float32Array, shape as number[])
    wrapped.set(key, { array, tensor })
    return tensor
  }
  return {
    inputs,
    outputs: ports,
    async run(feeds, into = {}) {
      const fed: Record<string, ort.Tensor> = {}
      for (const port of inputs) {
        const array = feeds[port.name]
        checkArray(port, array, 'input')
        fed[port.name] = wrap(port.name, port, array)
      }
      const fetched: Record<string, ort.Tensor | null> = {}
      for (const port of ports) {
        const value = values.get(port.name)!
        const array = into[port.name]
        if (array) checkArray(port, array, 'output')
        if (array) fetched[value] = wrap(`into ${port.name}`, port, array)
        else fetched[value] ??= null
      }
      const results = await session.run(fed, fetched)
      // A given array is filled in place; what the engine returns beside it is a copy.
      return Object.fromEntries(
        ports.map(({ name }) => [name, into[name] ?? (results[values.get(name)!].data as Arrays[string])]),
      )
    },
    async release() {
      if (profile) session.endProfiling()
      await session.release()
    },
  }
}
