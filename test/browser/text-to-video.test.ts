import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { chromium } from 'playwright-core'
import { textToVideo } from '../../src/generate/open-text-to-video.ts'
import type { Recipe } from '../../src/generate/text-to-video.ts'
import { nodeRuntime } from '../../src/runtime/node.ts'
import { browserAbsent, chromiumPath } from './chromium.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const recipe: Recipe = { prompt: 'a beating heart', negativePrompt: '', seed: 7, steps: 3, guidance: 3 }

/** Serves the page, the model and the engine's files. */
async function serve() {
  const { outputFiles } = await build({
    entryPoints: [join(root, 'test/browser/sample-page.ts')],
    bundle: true,
    format: 'esm',
    write: false,
    conditions: ['onnxruntime-web-use-extern-wasm'],
    logLevel: 'error',
  })
  const engine = new URL('.', import.meta.resolve('onnxruntime-web'))
  const types: Record<string, string> = { wasm: 'application/wasm', mjs: 'text/javascript', js: 'text/javascript' }
  const server = createServer(async (request, response) => {
    const path = request.url ?? '/'
    const head = { 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' }
    if (path === '/')
      return response
        .writeHead(200, { ...head, 'content-type': 'text/html' })
        .end('<script type="module" src="/page.js"></script>')
    if (path === '/page.js')
      return response.writeHead(200, { ...head, 'content-type': 'text/javascript' }).end(outputFiles[0].text)
    const file = path.startsWith('/engine/') ? new URL(path.slice(8), engine) : join(root, path.slice(1))
    try {
      const body = await readFile(file)
      response
        .writeHead(200, { ...head, 'content-type': types[path.split('.').at(-1)!] ?? 'application/octet-stream' })
        .end(body)
    } catch {
      response.writeHead(404).end()
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { server, address: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

interface Page {
  draw(model: string, recipe: Recipe): Promise<{ frames: number[]; count: number; width: number; height: number }>
}

test('the shipped model draws the same clip in a browser on WebAssembly as in Node', {
  skip: browserAbsent ?? false,
}, async () => {
  const pipeline = await textToVideo(join(root, 'models/emoji-video'), nodeRuntime())
  let here: Uint8Array | undefined
  for await (const event of pipeline.generate([recipe])) if (event.kind === 'clip') here = event.clip.frames
  await pipeline.release()

  const { server, address } = await serve()
  const browser = await chromium.launch({ executablePath: chromiumPath, args: ['--no-sandbox'] })
  try {
    const page = await browser.newPage()
    await page.goto(address)
    await page.waitForFunction('globalThis.draw !== undefined')
    const there = await page.evaluate(
      ([model, r]) => (globalThis as unknown as Page).draw(model as string, r as Recipe),
      [`${address}/models/emoji-video`, recipe] as const,
    )
    assert.deepEqual([there.count, there.width, there.height], [17, 128, 128])
    // Both sum in float32, in another order; three steps and the decoder make of that at most a few of 255 levels.
    const differences = there.frames.map((value, i) => Math.abs(value - here![i]))
    const mean = differences.reduce((a, b) => a + b, 0) / differences.length
    assert.ok(mean < 0.05, `mean difference ${mean} of 255`)
    assert.ok(
      differences.filter((d) => d > 8).length < differences.length / 1000,
      'more than one value in a thousand is off by more than 8',
    )
  } finally {
    await browser.close()
    server.closeAllConnections()
    server.close()
  }
})
