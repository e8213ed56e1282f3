import { TubeletError } from '../../src/errors.ts'
import { input } from '../../src/graph/index.ts'
import type { Arrays } from '../../src/onnx/index.ts'
import { neg } from '../../src/ops/index.ts'
import { type WebRuntime, webRuntime } from '../../src/runtime/web.ts'
import { type Answer, type Job, type PageSettings, packed, unpacked } from './job.ts'

let runtime: Promise<WebRuntime> | undefined

/** A runtime with a program that is never released: compiled shaders live as long as some program does. */
async function started({ device, threads, assets = '/engine/' }: PageSettings): Promise<WebRuntime> {
  const runtime = webRuntime({ device, threads, assets })
  await runtime.load({ y: neg(input('x', [1])) })
  return runtime
}

/** Runs one model once, as the tests ask for it. */
async function evaluate({ page, model, feeds }: Job): Promise<Omit<Answer, 'workers'>> {
  try {
    runtime ??= started(page)
    const { bytes, ...ports } = model
    const program = await (await runtime).loadModel({ ...ports, bytes: unpacked(bytes) as Uint8Array })
    try {
      const arrays: Arrays = Object.fromEntries(Object.entries(feeds).map(([name, array]) => [name, unpacked(array)]))
      const outputs = Object.entries(await program.run(arrays))
      return { outputs: Object.fromEntries(outputs.map(([name, array]) => [name, packed(array)])) }
    } finally {
      await program.release()
    }
  } catch (error) {
    const { message } = error as Error
    return { error: error instanceof TubeletError ? `${error.code}: ${message}` : message }
  }
}

Object.assign(globalThis, { evaluate })
