import { after } from 'node:test'
import type { Arrays, OnnxModel } from '../../src/onnx/index.ts'
import { browserVariable } from './chromium.ts'
import type { BrowserHost } from './host.ts'
import { type Answer, type Job, type PageSettings, packed, unpacked } from './job.ts'

let own: Promise<BrowserHost> | undefined
after(async () => (await own)?.close()) // here, as inside of a test it would run at the end of that test

/** Where the browser of this test run listens; a file that is run alone starts one of its own. */
async function address(): Promise<string> {
  const shared = process.env[browserVariable]
  if (shared) return shared
  own ??= import('./host.ts').then(({ startBrowserHost }) => startBrowserHost())
  return (await own).address
}

/** Runs a model once in a page of the test browser. */
export async function inPage(page: PageSettings, { bytes, ...ports }: OnnxModel, feeds: Arrays) {
  const arrays = Object.fromEntries(ports.inputs.map(({ name }) => [name, packed(feeds[name])]))
  const job: Job = { page, model: { ...ports, bytes: packed(bytes) }, feeds: arrays }
  const response = await fetch(`${await address()}/evaluate`, { method: 'POST', body: JSON.stringify(job) })
  if (!response.ok) throw new Error(`the test browser answered ${response.status}: ${await response.text()}`)
  const answer = (await response.json()) as Answer
  if ('error' in answer) throw new Error(answer.error)
  const outputs = Object.entries(answer.outputs).map(([name, array]) => [name, unpacked(array)] as const)
  return { outputs: Object.fromEntries(outputs), workers: answer.workers }
}
