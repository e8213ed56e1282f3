import * as ort from 'onnxruntime-node'
import { TubeletError } from '../errors.ts'
import { type OnnxModel, type Port, toOnnx } from '../onnx/index.ts'
import {
  type Arrays,
  checkArray,
  checkInto,
  type Device,
  type LoadOptions,
  type Program,
  type Runtime,
} from './runtime.ts'
import { webProgram } from './web-program.ts'

/** Where a Node runtime computes. */
export interface NodeRuntimeOptions {
  /** 'wasm' is the browser's engine: several times slower than 'cpu', and the same program as in a page. */
  readonly device?: Device
  readonly threads?: number // of each program; all cores where absent; WebAssembly has one
}

/** Programs on ONNX Runtime in Node. On WebGPU an op without a GPU kernel is an error, never a silent fallback. */
export function nodeRuntime({ device = 'cpu', threads = 0 }: NodeRuntimeOptions = {}): Runtime {
  return {
    device,
    async load(outputs, options = {}) {
      const model = toOnnx(outputs, { target: device === 'webgpu' ? 'webgpu' : 'cpu', constants: options.constants })
      if (device === 'wasm') return webProgram(await import('onnxruntime-web'), model, { ...options, device })
      const session = await createSession(model.bytes, device, { ...options, threads: options.threads ?? threads })
      return program(session, model, options.profile !== undefined)
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
    const { message } = error as Error
    const options = { cause: error }
    if (message.includes('WebGPU adapter'))
      throw new TubeletError('usage', "webgpu: this machine has no graphics adapter; use device 'cpu'", options)
    throw new TubeletError('memory', `the engine could not load the program on ${device}: ${message}`, options)
  }
}

function program(session: ort.InferenceSession, { inputs, outputs }: OnnxModel, profile: boolean): Program {
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
    outputs: outputs.map(({ name, shape, dtype }) => ({ name, shape, dtype })),
    async run(feeds, into = {}) {
      const fed: Record<string, ort.Tensor> = {}
      for (const port of inputs) {
        const array = feeds[port.name]
        checkArray(port, array, 'input')
        fed[port.name] = wrap(port.name, port, array)
      }
      checkInto(outputs, into)
      const fetched: Record<string, ort.Tensor | null> = {}
      const filled = new Map<string, Arrays[string]>()
      for (const port of outputs) {
        const array = into[port.name]
        if (array && !filled.has(port.value)) {
          filled.set(port.value, array)
          fetched[port.value] = wrap(`into ${port.name}`, port, array)
        } else fetched[port.value] ??= null
      }
      const results = await session.run(fed, fetched)
      const arrays = outputs.map(({ name, value }) => {
        // A given array is filled in place; what the engine returns beside it is a copy.
        const made = filled.get(value) ?? (results[value].data as Arrays[string])
        // One value may have two names: the array of the second is filled from that of the first.
        if (into[name] && into[name] !== made) into[name].set(made)
        return [name, into[name] ?? made] as const
      })
      return Object.fromEntries(arrays)
    },
    async release() {
      if (profile) session.endProfiling()
      await session.release()
    },
  }
}
