import assert from 'node:assert/strict'
import { test } from 'node:test'
import { movingDisc } from '../../test/emoji-packages.ts'
import { contactSheet } from './contact-sheet.ts'

test('a caption may hold any character; one that XML does not allow is drawn as a blank', async () => {
  const draw = (line: string) => contactSheet([{ clip: movingDisc(3, 32, [200, 40, 90]), lines: [line] }])
  assert.deepEqual(await draw('a\x07b\x00c\uFFFEd\uD800e <&>'), await draw('a b c d e <&>'))
})
