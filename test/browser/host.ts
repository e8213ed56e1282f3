import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { type Browser, chromium, type Page } from 'playwright-core'
import { engineFiles } from '../../src/runtime/web.ts'
import { chromiumPath } from './chromium.ts'
import type { Answer, Job } from './job.ts'

/** A browser that runs models for tests: they post a `Job` to its address and get an `Answer`. */
export interface BrowserHost {
  readonly address: string
  close(): Promise<void>
}

/** Starts Chromium with WebGPU on SwiftShader, and a server for its page and for the tests. */
export async function startBrowserHost(): Promise<BrowserHost> {
  const browser = await chromium.launch({
    executablePath: chromiumPath,
    args: ['--no-sandbox', '--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'],
  })
  const script = await bundle()
  const pages = new Map<string, Promise<Page>>()
  const server = createServer((request, response) => {
    answer(request, script, async (job) => {
      const key = JSON.stringify(job.page)
      if (!pages.has(key)) pages.set(key, open(browser, `${address}/${job.page.isolated === false ? 'plain' : ''}`))
      const page = await pages.get(key)!
      const made = await page.evaluate((j) => (globalThis as unknown as Harness).evaluate(j), job)
      return { ...made, workers: page.workers().length } as Answer
    }).then(
      ({ type, body }) => response.writeHead(200, { ...headers(request), 'content-type': type }).end(body),
      (error: Error) => fail(response, error),
    )
  })
  server.keepAliveTimeout = 0 // never: a client that is busy computing would find its connection closed
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    address,
    async close() {
      await browser.close()
      server.closeAllConnections()
      server.close()
    },
  }
}

/** What the page offers. */
interface Harness {
  evaluate(job: Job): Promise<Omit<Answer, 'workers'>>
}

const isolated = { 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' }
const headers = ({ url }: IncomingMessage) => (url === '/plain' ? {} : isolated)

function fail(response: ServerResponse, { message }: Error) {
  response.writeHead(message === notFound ? 404 : 500, { 'content-type': 'text/plain' }).end(message)
}

const notFound = 'not found'
const files = new Set<string>(Object.values(engineFiles).flat())
const engineFolder = new URL('.', import.meta.resolve('onnxruntime-web'))

async function answer(request: IncomingMessage, script: string, run: (job: Job) => Promise<Answer>) {
  const path = request.url ?? '/'
  if (request.method === 'POST')
    return { type: 'application/json', body: JSON.stringify(await run(await json(request))) }
  if (path === '/' || path === '/plain')
    return { type: 'text/html', body: '<script type="module" src="/page.js"></script>' }
  if (path === '/page.js') return { type: 'text/javascript', body: script }
  const file = path.replace('/engine/', '')
  if (!files.has(file)) throw new Error(notFound)
  return {
    type: file.endsWith('.wasm') ? 'application/wasm' : 'text/javascript',
    body: await readFile(new URL(file, engineFolder)),
  }
}

async function json(request: IncomingMessage): Promise<Job> {
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part)
  return JSON.parse(Buffer.concat(parts).toString())
}

async function bundle(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('page.ts', import.meta.url))],
    bundle: true,
    format: 'esm',
    write: false,
    // The engine's code then lies beside its WebAssembly, and is loaded with it.
    conditions: ['onnxruntime-web-use-extern-wasm'],
    logLevel: 'error',
  })
  return outputFiles[0].text
}

async function open(browser: Browser, address: string): Promise<Page> {
  const page = await browser.newPage()
  await page.goto(address)
  await page.waitForFunction('globalThis.evaluate !== undefined')
  return page
}
