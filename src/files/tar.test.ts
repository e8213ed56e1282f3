import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { pack } from 'tar-stream'
import { TubeletError } from '../errors.ts'
import { readTar, type TarEntry, writeTar } from './tar.ts'

let dir: string
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tubelet-tar-'))
})
after(() => rm(dir, { recursive: true, force: true }))

async function readAll(file: string, limits = {}): Promise<TarEntry[]> {
  const entries: TarEntry[] = []
  for await (const { name, bytes } of readTar(file, limits)) entries.push({ name, bytes: new Uint8Array(bytes) })
  return entries
}

const refused = (pattern: RegExp) => (error: unknown) =>
  error instanceof TubeletError && error.code === 'input' && pattern.test(error.message)

const members = fc.uniqueArray(
  fc.record({
    name: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 120 }).filter((name) => /^[^\0/\\]+$/.test(name)),
    bytes: fc.uint8Array({ maxLength: 1500 }),
  }),
  { selector: ({ name }) => name, maxLength: 8 },
)

test('what is written to an archive is read back, in order, whatever the names and bytes', async () => {
  const file = join(dir, 'round.tar')
  await fc.assert(
    fc.asyncProperty(members, async (entries) => {
      await writeTar(file, entries)
      const read = await readAll(file)
      assert.deepEqual(
        read.map(({ name }) => name),
        entries.map(({ name }) => name),
      )
      read.forEach(({ bytes }, i) => {
        assert.deepEqual(bytes, entries[i].bytes)
      })
    }),
    { numRuns: 60 },
  )
})

test('equal members give equal bytes, and the hash is that of the file', async () => {
  const entries = [{ name: 'a.json', bytes: new Uint8Array(700).fill(7) }]
  const first = await writeTar(join(dir, 'one.tar'), entries)
  const second = await writeTar(join(dir, 'two.tar'), entries)
  assert.deepEqual(first, second)
  assert.deepEqual(await readFile(join(dir, 'one.tar')), await readFile(join(dir, 'two.tar')))
})

test('an archive cut anywhere is refused', async () => {
  const whole = join(dir, 'whole.tar')
  await writeTar(
    whole,
    [1, 2, 3].map((i) => ({ name: `${i}.webp`, bytes: new Uint8Array(1000 * i).fill(i) })),
  )
  const bytes = await readFile(whole)
  const cut = join(dir, 'cut.tar')
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: bytes.length - 1 }), async (length) => {
      await writeFile(cut, bytes.subarray(0, length))
      await assert.rejects(readAll(cut), refused(/cut short|damaged/))
    }),
    { numRuns: 80, examples: [[0], [512], [1024], [bytes.length - 512], [bytes.length - 1024]] },
  )
})

test('a header that was changed is refused', async () => {
  const file = join(dir, 'header.tar')
  await writeTar(file, [{ name: 'a.webp', bytes: new Uint8Array(100) }])
  const bytes = await readFile(file)
  bytes[3] ^= 0x55
  await writeFile(file, bytes)
  await assert.rejects(readAll(file), refused(/damaged tar archive/))
})

test('a member that claims more bytes than the archive has is refused before they are read', async () => {
  const file = join(dir, 'claim.tar')
  const header = new Uint8Array(512)
  const put = (text: string, at: number) => header.set(new TextEncoder().encode(text), at)
  put('big.webp', 0)
  put('0000644\0', 100)
  put(`${(2 ** 33 - 1).toString(8)}\0`, 124)
  put('ustar\x0000', 257)
  put('        ', 148)
  put(
    `${header
      .reduce((sum, byte) => sum + byte, 0)
      .toString(8)
      .padStart(6, '0')}\0 `,
    148,
  )
  await writeFile(file, Buffer.concat([header, new Uint8Array(2048)]))
  await assert.rejects(readAll(file), refused(/"big\.webp" claims 8589934591 bytes, the archive has 2560/))
})

test('a member above the limit, one member too many, and links are refused', async () => {
  const file = join(dir, 'limits.tar')
  await writeTar(
    file,
    [1, 2].map((i) => ({ name: `${i}`, bytes: new Uint8Array(600) })),
  )
  await assert.rejects(
    readAll(file, { maxEntryBytes: 599 }),
    refused(/"1" has 600 bytes, the most that is read is 599/),
  )
  await assert.rejects(readAll(file, { maxEntries: 1 }), refused(/"2" is one more than the 1 members/))
  const archive = pack()
  archive.entry({ name: 'passwd', type: 'symlink', linkname: '/etc/passwd' })
  archive.finalize()
  await writeFile(file, archive as AsyncIterable<Uint8Array>)
  await assert.rejects(readAll(file), refused(/"passwd" is a symlink; only plain files are read/))
})

test('a file that is no archive, and one that is not there, are refused', async () => {
  const file = join(dir, 'text.tar')
  await writeFile(file, 'x'.repeat(4096))
  await assert.rejects(readAll(file), refused(/not a whole tar archive/))
  await assert.rejects(readAll(join(dir, 'absent.tar')), refused(/absent\.tar/))
})

test('an archive whose writing fails leaves nothing behind', async () => {
  const inside = await mkdtemp(join(dir, 'fail-'))
  async function* broken() {
    yield { name: 'a', bytes: new Uint8Array(10) }
    throw new Error('the source broke')
  }
  await assert.rejects(writeTar(join(inside, 'x.tar'), broken()), /the source broke/)
  assert.deepEqual(await readdir(inside), [])
})

test('whoever stops reading early leaves no file open', async () => {
  const file = join(dir, 'early.tar')
  await writeTar(
    file,
    [1, 2, 3].map((i) => ({ name: `${i}`, bytes: new Uint8Array(300_000) })),
  )
  const open = async () => (await readdir('/proc/self/fd').catch(() => [])).length
  const before = await open()
  for (let i = 0; i < 20; i++) for await (const { name } of readTar(file)) if (name === '1') break
  await new Promise((done) => setTimeout(done, 50))
  assert.ok((await open()) <= before + 2)
})
