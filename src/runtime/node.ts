import { toOnnx } from '../onnx/index.ts'
import { programApart } from './node-apart.ts'
import { channelBlock, nodeProgram } from './node-program.ts'
import { type Device, exportOptions, type Runtime } from './runtime.ts'
import { webProgram } from './web-program.ts'

/** Where a Node runtime computes. */
export interface NodeRuntimeOptions {
  /** 'wasm' is the browser's engine: several times slower than 'cpu', and the same program as in a page. */
  readonly device?: Device
  readonly threads?: number // of each program; all cores where absent; WebAssembly has one
  /** Waiting threads spin: faster on a machine that does nothing else, much slower on a busy one; on a processor only. */
  readonly spin?: boolean
}

/** Programs on ONNX Runtime in Node. On WebGPU an op without a GPU kernel is an error, never a silent fallback. */
export function nodeRuntime({ device = 'cpu', threads = 0, spin }: NodeRuntimeOptions = {}): Runtime {
  return {
    device,
    async load(outputs, options = {}) {
      // With constant weights the engine forms blocks by itself.
      const blocks = device === 'cpu' && !options.constants ? await channelBlock() : undefined
      const model = toOnnx(outputs, { ...exportOptions(device, options), channelBlock: blocks })
      if (device === 'wasm') return webProgram(await import('onnxruntime-web'), model, { ...options, device })
      const settings = { ...options, device, threads: options.threads ?? threads, spin }
      return options.apart !== undefined && device === 'cpu'
        ? programApart(model, settings)
        : nodeProgram(model, settings)
    },
  }
}
