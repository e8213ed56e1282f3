import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { clipNames } from './clip-names.ts'

const recipe = (prompt: string, seed = 7) => ({ prompt, negativePrompt: '', seed, steps: 1, guidance: 1 })

test('seed, index and prompt are filled in, wherever and how often they stand', () => {
  assert.deepEqual(
    clipNames('{prompt}/{seed}-{index}-{seed}.gif', [recipe('A red, red heart!'), recipe('跳动的红心', 8)]),
    ['A-red-red-heart/7-0-7.gif', '跳动的红心/8-1-8.gif'],
  )
  assert.deepEqual(clipNames('{other}.webp', [recipe('x')]), ['{other}.webp'])
})

test('a prompt cannot fill in anything itself, nor name another folder', () => {
  assert.deepEqual(clipNames('out/{prompt}.webp', [recipe('{seed} ../../etc/passwd $& \\')]), [
    'out/seed-etc-passwd.webp',
  ])
  assert.deepEqual(clipNames('{prompt}.webp', [recipe('❤️ !!!')]), ['clip.webp'])
  assert.deepEqual(clipNames('{prompt}.webp', [recipe('')]), ['clip.webp'])
  assert.deepEqual(clipNames('{prompt}.webp', [recipe('a ❤️ b, हिन्दी e\u0301')]), ['a-b-हिन्दी-é.webp'])
})

test('names that would be alike get an index before the ending', () => {
  assert.deepEqual(clipNames('a.webp', [recipe('x'), recipe('y')]), ['a-0.webp', 'a-1.webp'])
  assert.deepEqual(clipNames('{prompt}.webp', [recipe('x!'), recipe('x?'), recipe('y')]), [
    'x-0.webp',
    'x-1.webp',
    'y-2.webp',
  ])
  assert.deepEqual(clipNames('a.webp', [recipe('x')]), ['a.webp'])
  assert.deepEqual(clipNames('{prompt}.webp', [recipe('Cat'), recipe('cat')]), ['Cat-0.webp', 'cat-1.webp'])
})

test('whatever the prompts are, every name is its own, short enough, valid text, and stays in its folder', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'binary', maxLength: 400 }), { minLength: 1, maxLength: 6 }), (prompts) => {
      const names = clipNames(
        '{prompt}-{seed}.webp',
        prompts.map((prompt) => recipe(prompt, 2 ** 52)),
      )
      assert.equal(new Set(names).size, names.length)
      for (const name of names) {
        assert.ok(Buffer.byteLength(name) < 200)
        assert.ok(
          Buffer.from(name).toString() === name &&
            !/[/\\\0]/.test(name) &&
            !name.startsWith('.') &&
            !name.startsWith('-'),
        )
      }
    }),
  )
  const [long] = clipNames('{prompt}.webp', [recipe('心'.repeat(5000))])
  assert.equal(long, `${'心'.repeat(50)}.webp`)
})
