import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, test } from 'node:test'
import { chatExpander, expandInstruction } from './chat-expander.ts'

let answer: (request: IncomingMessage, response: ServerResponse, body: string) => void = () => {}
const server = createServer(async (request, response) => {
  let body = ''
  for await (const chunk of request) body += chunk
  answer(request, response, body)
})
await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
after(() => server.close())
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
const says = (status: number, body: string) => {
  answer = (_request, response) => response.writeHead(status).end(body)
}

test('the prompt goes to /v1/chat/completions with key, model and seed, and the answer comes back', async () => {
  for (const base of [url, `${url}/`, `${url}/v1`]) {
    let seen: { path?: string; key?: string; body?: unknown } = {}
    answer = (request, response, body) => {
      seen = { path: request.url, key: request.headers.authorization, body: JSON.parse(body) }
      response.end(JSON.stringify({ choices: [{ message: { content: ' A grey cat on a red sofa.\n' } }] }))
    }
    const text = await chatExpander({ url: base, model: 'small', key: 'secret' }).expand('a cat', { seed: 7 })
    assert.equal(text, 'A grey cat on a red sofa.')
    const messages = [
      { role: 'system', content: expandInstruction },
      { role: 'user', content: 'a cat' },
    ]
    const want = { path: '/v1/chat/completions', key: 'Bearer secret', body: { model: 'small', messages, seed: 7 } }
    assert.deepEqual(seen, want)
  }
})

test('without a key no authorization is sent', async () => {
  let headers: IncomingMessage['headers'] = {}
  answer = (request, response) => {
    headers = request.headers
    response.end(JSON.stringify({ choices: [{ message: { content: 'x' } }] }))
  }
  await chatExpander({ url, model: 'small' }).expand('a cat')
  assert.equal(headers.authorization, undefined)
})

test('a refusal is told in the words of the server, other failures in ours', async () => {
  const expand = () => chatExpander({ url, model: 'small' }).expand('a cat')
  const at = `${url}/v1/chat/completions`
  says(401, JSON.stringify({ error: { message: 'wrong key' } }))
  await assert.rejects(expand(), { code: 'network', message: `expand: ${at} answered 401: wrong key` })
  says(502, '<html>bad gateway</html>')
  await assert.rejects(expand(), { message: `expand: ${at} answered 502: <html>bad gateway</html>` })
  for (const body of ['{}', 'no JSON', 'null', '{"choices":[{"message":{"content":"  "}}]}']) {
    says(200, body)
    await assert.rejects(expand(), { code: 'input', message: `expand: the answer of ${at} holds no text` })
  }
  const gone = createServer()
  await new Promise<void>((done) => gone.listen(0, '127.0.0.1', done))
  const { port } = gone.address() as AddressInfo
  await new Promise((done) => gone.close(done))
  const nobody = chatExpander({ url: `http://127.0.0.1:${port}`, model: 'small' })
  await assert.rejects(nobody.expand('a cat'), {
    code: 'network',
    message: /^expand: no answer from http:.*ECONNREFUSED/,
  })
  assert.throws(() => chatExpander({ url: 'nonsense', model: 'small' }), {
    code: 'usage',
    message: "expand: 'nonsense' is no address of a server",
  })
})

test('an aborted signal stops the question', async () => {
  const stop = new AbortController()
  answer = () => stop.abort()
  const asked = chatExpander({ url, model: 'small' }).expand('a cat', { signal: stop.signal })
  await assert.rejects(asked, { code: 'stopped' })
})
