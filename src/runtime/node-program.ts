import * as ort from 'onnxruntime-node'
import { TubeletError } from '../errors.ts'
import type { OnnxModel, Port } from '../onnx/index.ts'
import { type Arrays, checkArray, checkInto, type LoadOptions, type Program } from './runtime.ts'

/** A model as a program of onnxruntime-node that runs on the calling thread, which waits meanwhile. */
export async function nodeProgram(
  model: OnnxModel,
  options: LoadOptions & { readonly device: 'cpu' | 'webgpu' },
): Promise<Program> {
  return program(await createSession(model.bytes, options), model, options.profile !== undefined)
}

async function createSession(
  bytes: Uint8Array,
  { device, threads, spin = false, constants, profile }: LoadOptions & { device: 'cpu' | 'webgpu' },
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
