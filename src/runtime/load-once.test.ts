import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadOnce } from './load-once.ts'

/** A loader that counts what it loads and releases, and fails where it is told to. */
function counted() {
  const counts = { loads: 0, released: 0, fails: false }
  const load = async () => {
    counts.loads++
    if (counts.fails) throw new Error('no room')
    return { release: async () => void counts.released++ }
  }
  return { counts, load }
}

test('what is asked for twice is loaded once, also while it is being loaded', async () => {
  const { counts, load } = counted()
  const kept = loadOnce()
  const [one, other] = await Promise.all([kept.get('a', load), kept.get('a', load)])
  assert.equal(one, other)
  assert.equal(await kept.get('a', load), one)
  assert.notEqual(await kept.get('b', load), one)
  assert.equal(counts.loads, 2)
})

test('what could not be loaded is tried again, and both who asked are told', async () => {
  const { counts, load } = counted()
  const kept = loadOnce()
  counts.fails = true
  const asked = await Promise.allSettled([kept.get('a', load), kept.get('a', load)])
  assert.deepEqual(
    asked.map(({ status }) => status),
    ['rejected', 'rejected'],
  )
  counts.fails = false
  await kept.get('a', load)
  assert.equal(counts.loads, 2)
})

test('what was loaded is released once, and loaded anew where it is asked for after that', async () => {
  const { counts, load } = counted()
  const kept = loadOnce()
  await kept.get('a', load)
  await kept.release()
  await kept.release()
  assert.equal(counts.released, 1)
  await kept.get('a', load)
  assert.equal(counts.loads, 2)
})
