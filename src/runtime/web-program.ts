import type { Env, InferenceSession, Tensor, TensorConstructor } from 'onnxruntime-web'
import { TubeletError } from '../errors.ts'
import type { OnnxModel } from '../onnx/index.ts'
import { type Arrays, checkArray, checkInto, type LoadOptions, type Program } from './runtime.ts'

/** The parts of onnxruntime-web in use; each of its entries brings them with another build of the engine. */
export interface WebEngine {
  readonly InferenceSession: {
    create(model: Uint8Array, options: InferenceSession.SessionOptions): Promise<InferenceSession>
  }
  readonly Tensor: TensorConstructor
  readonly env: Pick<Env, 'wasm' | 'versions'>
}

/** Where a model runs on onnxruntime-web. */
export type WebDevice = 'wasm' | 'webgpu'

/** A model as a program on onnxruntime-web. On WebGPU an op without a GPU kernel is an error, never a silent fallback. */
export async function webProgram(
  engine: WebEngine,
  model: OnnxModel,
  { device, constants, profile }: LoadOptions & { device: WebDevice },
): Promise<Program> {
  if (profile !== undefined) throw new TubeletError('usage', `profile: the engine writes no trace file on ${device}`)
  const session = await inTurn(() => createSession(engine, model.bytes, { device, optimised: constants !== undefined }))
  return program(engine, session, model)
}

// The engine does one thing at a time and throws where two runs overlap: each call waits for the one before.
let last: Promise<unknown> = Promise.resolve()
function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const result = last.then(work)
  last = result.catch(() => undefined)
  return result
}

async function createSession(
  { InferenceSession }: WebEngine,
  bytes: Uint8Array,
  { device, optimised }: { device: WebDevice; optimised: boolean },
) {
  try {
    return await InferenceSession.create(bytes, {
      executionProviders: [device],
      // Training graphs come out fused and ordered; the optimiser would merge what recomputation keeps apart.
      graphOptimizationLevel: optimised ? 'all' : 'disabled',
      enableMemPattern: false,
      logSeverityLevel: 3,
      extra: { session: { disable_cpu_ep_fallback: device === 'webgpu' ? '1' : '0' } },
    })
  } catch (error) {
    const { message } = error as Error
    const options = { cause: error }
    if (message.includes('no available backend'))
      throw new TubeletError('network', `the engine's files for ${device} could not be loaded: ${message}`, options)
    throw new TubeletError('memory', `the engine could not load the program on ${device}: ${message}`, options)
  }
}

function program({ Tensor }: WebEngine, session: InferenceSession, { inputs, outputs }: OnnxModel): Program {
  return {
    inputs,
    outputs: outputs.map(({ name, shape, dtype }) => ({ name, shape, dtype })),
    async run(feeds, into = {}) {
      const fed: Record<string, Tensor> = {}
      for (const port of inputs) {
        const array = feeds[port.name]
        checkArray(port, array, 'input')
        fed[port.name] = new Tensor(port.dtype, array as Float32Array, port.shape)
      }
      checkInto(outputs, into)
      const results = await inTurn(() =>
        session.run(
          fed,
          outputs.map(({ value }) => value),
        ),
      )
      const arrays = outputs.map(({ name, value }) => {
        const made = results[value].data as Arrays[string]
        // The engine leaves an array that it is given untouched (1.30), so what it returns is copied.
        into[name]?.set(made)
        return [name, into[name] ?? made] as const
      })
      return Object.fromEntries(arrays)
    },
    release: () => inTurn(() => session.release()),
  }
}
