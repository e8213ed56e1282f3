import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { movingDisc } from '../../test/emoji-packages.ts'
import { addGifComment, gifComments } from './gif-comment.ts'
import { decodeClip, encodeGif } from './webp.ts'

const gif = await encodeGif(movingDisc(5, 16, [200, 30, 90]))

test('a comment comes back, however long, and the pictures stay as they were', async () => {
  assert.deepEqual(gifComments(gif), [])
  const comments = ['', 'a', 'x'.repeat(255), 'y'.repeat(256), 'z'.repeat(5000)]
  let marked = gif
  for (const comment of comments) marked = addGifComment(marked, comment)
  assert.deepEqual(gifComments(marked), comments)
  assert.deepEqual(await decodeClip(marked), await decodeClip(gif))
})

test('a file that is cut short or holds something else is an error and never a hang', () => {
  const marked = addGifComment(gif, 'recipe')
  for (let length = 0; length < marked.length; length += 7)
    assert.throws(() => gifComments(marked.subarray(0, length), 'x.gif'), { code: 'input', message: /^x\.gif: not a/ })
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      const file = Uint8Array.from([...gif.subarray(0, 13), ...bytes])
      try {
        gifComments(file)
      } catch (error) {
        assert.match((error as Error).message, /not a/)
      }
    }),
  )
})
