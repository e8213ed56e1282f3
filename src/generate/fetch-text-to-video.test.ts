import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { scratchFolder } from '../../test/cli.ts'
import { countingRuntime } from '../../test/counting-runtime.ts'
import { writeTinyModel } from '../../test/tiny-model.ts'
import { nodeRuntime } from '../runtime/node.ts'
import { fetchTextToVideo } from './fetch-text-to-video.ts'

const folder = await writeTinyModel(join(await scratchFolder(), 'model'))
const inner = nodeRuntime({ threads: 1 })

/** Stands for a server; what it lacks is answered with 404, what hangs waits for the signal, and `onHang` is told. */
function serve(
  t: { mock: { method: typeof import('node:test').mock.method } },
  { lacks = /^$/, hangs = /^$/, onHang = () => {}, instead = {} as Record<string, string> },
) {
  t.mock.method(globalThis, 'fetch', async (url: string, { signal }: RequestInit) => {
    const path = url.replace('http://models/', '')
    if (hangs.test(path))
      return new Promise((_, reject) => {
        signal?.addEventListener('abort', () => reject(signal.reason))
        onHang()
      })
    if (instead[path]) return new Response(instead[path])
    return lacks.test(path) ? new Response('', { status: 404 }) : new Response(await readFile(join(folder, path)))
  })
}

test('a model is loaded from a server, and all of it is released', async (t) => {
  serve(t, {})
  const { runtime, programs } = countingRuntime(inner)
  const model = await fetchTextToVideo('http://models/', runtime)
  assert.equal(model.width, 32)
  assert.ok(programs.loaded > 0)
  await model.release()
  assert.equal(programs.loaded, 0)
})

test('what the server lacks is told by its address, and nothing stays loaded', async (t) => {
  serve(t, { lacks: /^vae\// })
  const { runtime, programs } = countingRuntime(inner)
  const message = 'http://models/vae/config.json: the server answers 404'
  await assert.rejects(fetchTextToVideo('http://models', runtime), { code: 'network', message })
  assert.equal(programs.loaded, 0)
})

test('a page that is answered instead of a part, or a part of another class, is told by its address', async (t) => {
  const instead: Record<string, string> = {}
  serve(t, { instead })
  const { runtime, programs } = countingRuntime(inner)
  const answers: [path: string, answer: string, message: RegExp][] = [
    ['vae/config.json', '<!doctype html>', /^http:\/\/models\/vae\/config\.json: not valid JSON: /],
    ['vae/config.json', '{"_class_name":"DiT"}', /^http:\/\/models\/vae: holds a DiT, not a VideoVae$/],
    ['tokenizer/tokenizer.json', '{}', /^http:\/\/models\/tokenizer\/tokenizer\.json: /],
  ]
  for (const [path, answer, message] of answers) {
    instead[path] = answer
    await assert.rejects(fetchTextToVideo('http://models/', runtime), { code: 'input', message })
    delete instead[path]
  }
  assert.equal(programs.loaded, 0)
})

test('a loading that is stopped says so, and leaves nothing behind', async (t) => {
  const stop = new AbortController()
  serve(t, { hangs: /^scheduler\//, onHang: () => stop.abort() })
  const { runtime, programs } = countingRuntime(inner)
  const loading = fetchTextToVideo('http://models', runtime, stop.signal)
  await assert.rejects(loading, { code: 'stopped', message: /^stopped while .*scheduler.* was fetched$/ })
  assert.equal(programs.loaded, 0)
})
