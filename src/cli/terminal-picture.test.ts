import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Clip } from '../files/clip.ts'
import { pictureProtocol, terminalPicture } from './terminal-picture.ts'

const red: Clip = {
  frames: new Uint8Array(16 * 16 * 4).map((_, i) => [255, 0, 0, 255][i % 4]),
  count: 1,
  width: 16,
  height: 16,
  fps: 0,
}

const drawn = async (protocol: 'blocks' | 'kitty' | 'iterm2') => {
  let text = ''
  const picture = terminalPicture({ stderr: { write: (chunk) => (text += chunk) } }, protocol)
  await picture.show(red, 'one')
  const first = text
  await picture.show(red, 'two')
  return { first, second: text.slice(first.length) }
}

test('no picture is drawn where there is no terminal, no colour, or too few colours', () => {
  assert.equal(pictureProtocol({ isTTY: false, env: { COLORTERM: 'truecolor' } }), undefined)
  assert.equal(pictureProtocol({ isTTY: true, env: { COLORTERM: 'truecolor', NO_COLOR: '1' } }), undefined)
  assert.equal(pictureProtocol({ isTTY: true, env: {} }), undefined)
  assert.equal(pictureProtocol({ isTTY: true, env: { COLORTERM: 'truecolor' } }), 'blocks')
})

test('half blocks carry the colours of the picture, sixteen lines of them', async () => {
  const { first } = await drawn('blocks')
  assert.equal(first.match(/▀/g)?.length, 16 * 32)
  assert.match(first, /38;2;255;0;0;48;2;255;0;0m▀/)
  assert.match(first, /one/)
})

test('a second picture goes over the first', async () => {
  const { second } = await drawn('blocks')
  assert.ok(second.startsWith('\x1b[17A'))
})

test('kitty and iTerm2 get a PNG that decodes to the picture', async () => {
  const sharp = (await import('sharp')).default
  for (const [protocol, pattern] of [
    ['kitty', /_G[^;]*;([A-Za-z0-9+/=]+)/],
    ['iterm2', /File=[^:]*:([A-Za-z0-9+/=]+)/],
  ] as const) {
    const base64 = pattern.exec((await drawn(protocol)).first)?.[1] ?? ''
    const { data, info } = await sharp(Buffer.from(base64, 'base64')).raw().toBuffer({ resolveWithObject: true })
    assert.deepEqual([info.width, info.height, data[0], data[1]], [16, 16, 255, 0], protocol)
  }
})
