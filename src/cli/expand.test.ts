import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runCli } from '../../test/cli.ts'

test('a short prompt about shapes becomes a long caption, the same for the same seed', async () => {
  const { code, out } = await runCli(['expand', 'a red circle and two blue stars', '-s', '1'])
  assert.equal(code, 0)
  assert.match(out, /^A (small|large) red circle .+, and two (small|large) blue stars .+ and .+\.\n$/)
  assert.equal((await runCli(['expand', 'a red circle and two blue stars', '-s', '1'])).out, out)
  const others = await Promise.all(['2', '3', '4'].map((seed) => runCli(['expand', 'a red circle', '-s', seed])))
  assert.ok(new Set(others.map(({ out }) => out)).size > 1)
  assert.match((await runCli(['expand', '一个红色圆形'])).out, /^.+有一个[大小]的红色圆形。\n$/)
})

test('any other prompt stays as it is, with a note', async () => {
  const { code, out, err } = await runCli(['expand', 'a beating heart'])
  assert.deepEqual([code, out], [0, 'a beating heart\n'])
  assert.match(err, /note: 'a beating heart' is no short prompt about shapes alone/)
})

test('an endpoint without a model, a wrong one and an empty prompt are told in a sentence', async () => {
  const cases: [string[], number, RegExp][] = [
    [['a', '--endpoint', 'http://127.0.0.1:1'], 2, /which language model\?/],
    [['a', '--endpoint', 'here', '--chat-model', 'm'], 2, /'here' is no address of a server/],
    [['a', '--endpoint', 'http://127.0.0.1:1', '--chat-model', 'm'], 6, /no answer from http:\/\/127/],
    [[' '], 2, /the prompt is empty/],
  ]
  for (const [args, exit, sentence] of cases) {
    const { code, err } = await runCli(['expand', ...args])
    assert.match(err, sentence)
    assert.equal(code, exit, args.join(' '))
  }
})
