import { TubeletError } from '../errors.ts'
import { type OnnxModel, toOnnx } from '../onnx/index.ts'
import { exportOptions, type LoadOptions, type Program, type Runtime } from './runtime.ts'
import { type WebDevice, type WebEngine, webProgram } from './web-program.ts'

/** Where and how a browser computes. */
export interface WebRuntimeOptions {
  readonly device?: WebDevice
  /** At most so many threads, for all programs of the page; a page that is not cross-origin isolated has one. */
  readonly threads?: number
  /** Address of a folder with the files `engineFiles[device]` of onnxruntime-web/dist, where the bundler does not place them. */
  readonly assets?: string | URL
}

/** A browser's runtime; it also loads models that were exported elsewhere. */
export interface WebRuntime extends Runtime {
  readonly device: WebDevice
  loadModel(model: OnnxModel, options?: LoadOptions): Promise<Program>
}

/** The files of onnxruntime-web/dist that each device needs. */
export const engineFiles = {
  wasm: ['ort-wasm-simd-threaded.mjs', 'ort-wasm-simd-threaded.wasm'],
  webgpu: ['ort-wasm-simd-threaded.asyncify.mjs', 'ort-wasm-simd-threaded.asyncify.wasm'],
} as const satisfies Record<WebDevice, readonly [mjs: string, wasm: string]>

/** Programs on ONNX Runtime in a browser; the engine is downloaded when the first program is loaded. */
export function webRuntime({ device = 'wasm', threads, assets }: WebRuntimeOptions = {}): WebRuntime {
  const loadModel = async (model: OnnxModel, options: LoadOptions = {}) => {
    if (device === 'webgpu') await requireAdapter()
    const engine = await engines[device]()
    configure(engine, device, { threads: options.threads ?? threads, assets })
    return webProgram(engine, model, { ...options, device })
  }
  return {
    device,
    loadModel,
    load: async (outputs, options = {}) => loadModel(toOnnx(outputs, exportOptions(device, options)), options),
  }
}

const engines: Record<WebDevice, () => Promise<WebEngine>> = {
  wasm: () => import('onnxruntime-web/wasm'),
  webgpu: () => import('onnxruntime-web/webgpu'),
}

/** Settings count for the whole page and only until the first program is loaded. */
function configure(
  { env }: WebEngine,
  device: WebDevice,
  { threads, assets }: Pick<WebRuntimeOptions, 'threads' | 'assets'>,
) {
  if (threads !== undefined) env.wasm.numThreads = globalThis.crossOriginIsolated ? threads : 1
  if (assets === undefined) return
  const folder = new URL(assets, globalThis.location?.href)
  if (!folder.pathname.endsWith('/')) folder.pathname += '/'
  const [mjs, wasm] = engineFiles[device].map((file) => new URL(file, folder).href)
  env.wasm.wasmPaths = { mjs, wasm }
}

async function requireAdapter() {
  const gpu = (globalThis.navigator as { gpu?: { requestAdapter(): Promise<unknown> } } | undefined)?.gpu
  if (!gpu)
    throw new TubeletError(
      'usage',
      "webgpu: this browser has no WebGPU, or the page is not served over https; use device 'wasm'",
    )
  if (!(await gpu.requestAdapter()))
    throw new TubeletError('usage', "webgpu: this browser found no graphics adapter; use device 'wasm'")
}
