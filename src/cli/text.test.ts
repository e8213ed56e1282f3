import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bytes, count, cutTo, duration, padTo, table, textWidth } from './text.ts'

test('Chinese characters and emoji take two columns, marks and joiners none of their own', () => {
  assert.equal(textWidth('abc'), 3)
  assert.equal(textWidth('红心a'), 5)
  assert.equal(textWidth('é'.normalize('NFD')), 1)
  assert.equal(textWidth('👩‍🚀'), 2)
  assert.equal(textWidth('❤️'), 2)
  assert.equal(textWidth('▕█▏'), 3)
})

test('text is cut and filled by columns', () => {
  assert.equal(cutTo('红心跳动', 5), '红心…')
  assert.equal(cutTo('红心跳动', 4), '红…')
  assert.equal(cutTo('abc', 3), 'abc')
  assert.equal(padTo('红', 4), '红  ')
  assert.equal(padTo('7', 3, 'start'), '  7')
})

test('a table sets numbers to the right and pads by columns', () => {
  assert.equal(
    table(
      ['部分', 'n'],
      [
        ['a', '1'],
        ['bcde', '1,000'],
      ],
    ),
    '部分      n\na         1\nbcde  1,000',
  )
})

test('amounts read as people say them', () => {
  assert.deepEqual([0, 999, 1000, 6_400_000, 123_456_789].map(bytes), ['0 B', '999 B', '1.0 kB', '6.4 MB', '123 MB'])
  assert.equal(bytes(999_999), '1000 kB')
  assert.equal(count(3211264), '3,211,264')
  assert.deepEqual([0, 59.4, 125, 3725].map(duration), ['0:00', '0:59', '2:05', '1:02:05'])
})
