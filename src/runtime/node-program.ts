import * as ort from 'onnxruntime-node'
import { TubeletError } from '../errors.ts'
import { modelBytes, type OnnxModel, type Port } from '../onnx/index.ts'
import { type Arrays, checkArray, checkInto, type LoadOptions, type Program } from './runtime.ts'

/** Settings of a program, and where and how it runs in Node. */
export interface NodeProgramOptions extends LoadOptions {
  readonly device: 'cpu' | 'webgpu'
  readonly spin?: boolean // of waiting threads
}

/** A model as a program of onnxruntime-node that runs on the calling thread, which waits meanwhile. */
export async function nodeProgram(model: OnnxModel, options: NodeProgramOptions): Promise<Program> {
  return program(await createSession(model.bytes, options), model, options.profile !== undefined)
}

async function createSession(
  bytes: Uint8Array,
  { device, threads = 0, spin = false, constants, profile }: NodeProgramOptions,
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

let probed: Promise<number | undefined> | undefined

/**
 * Channels in a block of the engine's blocked convolutions, which depends on the processor; undefined where it has none.
 * Two pixels of 32 channels are put in blocks: what stands after the first eight numbers tells how long a block is.
 */
export function channelBlock(): Promise<number | undefined> {
  probed ??= probe().catch(() => undefined)
  return probed
}

async function probe(): Promise<number | undefined> {
  const shape = [1, 32, 1, 2]
  const port = { name: 'y', value: 'y', shape, dtype: 'float32' } as const
  const node = {
    type: 'ReorderInput',
    inputs: ['x'],
    outputs: ['y'],
    attributes: {},
    domain: 'com.microsoft.nchwc',
    name: 'probe',
  }
  const inputs = [{ name: 'x', shape, dtype: 'float32' }] as const
  const program = await nodeProgram(
    { bytes: modelBytes([node], [], inputs, [port]), inputs, outputs: [port] },
    { device: 'cpu', threads: 1 },
  )
  const { y } = await program.run({ x: Float32Array.from({ length: 64 }, (_, i) => i) })
  await program.release()
  // Element i of x is pixel i % 2 of channel i / 2: a block ends where a pixel of the first channel comes again.
  const next = y.indexOf(1)
  return [8, 16, 32].find((block) => block === next)
}
