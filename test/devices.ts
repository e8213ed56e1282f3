import { existsSync } from 'node:fs'
import { after, test } from 'node:test'
import { input } from '../src/graph/index.ts'
import { toOnnx } from '../src/onnx/index.ts'
import { neg } from '../src/ops/index.ts'
import { nodeRuntime } from '../src/runtime/node.ts'
import type { WebDevice } from '../src/runtime/web-program.ts'
import { browserAbsent } from './browser/chromium.ts'
import { inPage } from './browser/client.ts'
import { onNode, type TestDevice } from './on-node.ts'

export type { TestDevice } from './on-node.ts'

/** With this variable set, a device that is absent is a failure, not a skip. */
const allVariable = 'TUBELET_TEST_ALL_DEVICES'

/** The devices present. Each one that is absent shows up as a skipped test with the reason. */
export const devices: readonly TestDevice[] = await present()

async function present(): Promise<TestDevice[]> {
  const found = [onNode(nodeRuntime())]
  const noAdapter = await webgpuAbsent()
  if (noAdapter) absent('node webgpu', noAdapter)
  else found.push(onNode(nodeRuntime({ device: 'webgpu' })))
  if (!browserAbsent) return [...found, inBrowser('wasm'), inBrowser('webgpu')]
  absent('browser wasm', `${browserAbsent}; Node runs the same engine instead`)
  absent('browser webgpu', browserAbsent)
  return [...found, onNode(nodeRuntime({ device: 'wasm' }))]
}

function absent(device: string, reason: string) {
  const skip = process.env[allVariable] ? false : reason
  test(`ops run on ${device}`, { skip }, () => {
    throw new Error(`${device} is absent: ${reason}`)
  })
}

function inBrowser(device: WebDevice): TestDevice {
  return {
    name: `browser ${device}`,
    async evaluate(outputs, feeds) {
      const model = toOnnx(outputs, { target: device === 'webgpu' ? 'webgpu' : 'cpu' })
      return (await inPage({ device }, model, feeds)).outputs
    },
  }
}

/** Why Node has no WebGPU, or undefined where it has. */
async function webgpuAbsent(): Promise<string | undefined> {
  useSwiftShader()
  try {
    // The adapter lives as long as some program does: this one keeps it for all tests of the process.
    const anchor = await nodeRuntime({ device: 'webgpu' }).load({ y: neg(input('x', [1])) })
    after(() => anchor.release())
  } catch (error) {
    return (error as Error).message
  }
}

/**
 * Makes Chromium's software renderer the Vulkan device of this process, unless the caller chose one. Chromium brings
 * the Vulkan loader too: once it is in memory, the engine finds it by its name.
 */
function useSwiftShader() {
  const folder = '/usr/lib/chromium'
  const driver = `${folder}/vk_swiftshader_icd.json`
  if (process.env.VK_ICD_FILENAMES !== undefined || !existsSync(driver)) return
  process.env.VK_ICD_FILENAMES = driver
  const [now, keep] = [2, 0x1000] // RTLD_NOW, and RTLD_NODELETE: stays although it is no module of Node
  try {
    process.dlopen({ exports: {} }, `${folder}/libvulkan.so.1`, now | keep)
  } catch {
    // Always thrown, as the library registers no module.
  }
}
