import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileError, isAlive, readBytes, readJson, writeFileAtomic, writeFolderAtomic } from './disk.ts'

let folder = ''
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tubelet-disk-'))
})
after(() => rm(folder, { recursive: true }))

test('a file is replaced as a whole, in missing folders too, and nothing is left beside it', async () => {
  const path = join(folder, 'x', 'y', 'file.json')
  await writeFileAtomic(path, 'one')
  await writeFileAtomic(path, [new TextEncoder().encode('tw'), new TextEncoder().encode('o')])
  assert.equal(await readFile(path, 'utf8'), 'two')
  assert.deepEqual(await readdir(join(folder, 'x', 'y')), ['file.json'])
})

test('a write that fails leaves the old content and no other file', async () => {
  const path = join(folder, 'keep', 'file')
  await writeFileAtomic(path, 'old')
  const failing = async function* () {
    yield new Uint8Array(10)
    throw Object.assign(new Error('write'), { code: 'ENOSPC' })
  }
  await assert.rejects(writeFileAtomic(path, failing()), {
    code: 'input',
    message: `cannot write ${path}: disk full: free some space or choose another folder`,
  })
  assert.equal(await readFile(path, 'utf8'), 'old')
  assert.deepEqual(await readdir(join(folder, 'keep')), ['file'])
})

test('a JSON file may hold the infinities that Python writes, and a string that looks like one stays', async () => {
  const path = join(folder, 'scheduler_config.json')
  await writeFile(
    path,
    '{"lambda_min_clipped": -Infinity, "most": Infinity, "say \\"Infinity": ["Infinity, \\\\", -1]}',
  )
  const read = { lambda_min_clipped: -Infinity, most: Infinity, 'say "Infinity': ['Infinity, \\', -1] }
  assert.deepEqual(await readJson(path), read)
  await writeFile(path, '{"most": Infinite}')
  await assert.rejects(readJson(path), { code: 'input', message: /scheduler_config\.json: not valid JSON/ })
})

test('a real full disk is told as such', { skip: process.platform !== 'linux' && 'needs /dev/full' }, async () => {
  const { open } = await import('node:fs/promises')
  const file = await open('/dev/full', 'w')
  const error = await file.write(Buffer.from('x')).catch((e) => e)
  await file.close()
  assert.match((fileError(error, 'write', 'w.safetensors') as Error).message, /^cannot write w.safetensors: disk full/)
})

test('a folder appears complete, replaces its predecessor, and is absent after a failure', async () => {
  const path = join(folder, 'run', 'step-1')
  const fill = (names: string[]) => async (part: string) => {
    await mkdir(join(part, 'deep'))
    for (const name of names) await writeFile(join(part, 'deep', name), name)
  }
  await writeFolderAtomic(path, fill(['a']))
  await writeFolderAtomic(path, fill(['b', 'c']))
  assert.deepEqual(await readdir(join(path, 'deep')), ['b', 'c'])
  const failing = async (part: string) => {
    await fill(['d'])(part)
    throw new Error('stop')
  }
  await assert.rejects(writeFolderAtomic(path, failing), /stop/)
  assert.deepEqual(await readdir(join(path, 'deep')), ['b', 'c'])
  assert.deepEqual(await readdir(join(folder, 'run')), ['step-1'])
})

test('leftovers of a killed process are removed by the next write, those of a live one are not', async () => {
  const path = join(folder, 'left', 'w')
  await writeFileAtomic(path, '1')
  const dead = spawnSync(process.execPath, ['-e', '']).pid
  assert.equal(isAlive(dead), false)
  assert.equal(isAlive(process.pid), true)
  await writeFile(join(folder, 'left', `.w.${dead}-00000000.part`), 'x')
  await writeFile(join(folder, 'left', `.w.${process.ppid}-00000000.part`), 'x')
  await writeFile(join(folder, 'left', `.w.${dead}-note`), 'x')
  await writeFileAtomic(path, '2')
  assert.deepEqual(
    (await readdir(join(folder, 'left'))).sort(),
    [`.w.${dead}-note`, `.w.${process.ppid}-00000000.part`, 'w'].sort(),
  )
})

test('a path that cannot be used is told in one sentence', async () => {
  await writeFile(join(folder, 'plain'), '')
  await assert.rejects(writeFileAtomic(join(folder, 'plain', 'x'), ''), {
    code: 'input',
    message: /cannot write .*plain/,
  })
  await assert.rejects(readBytes(join(folder, 'missing')), {
    code: 'input',
    message: /cannot read .*missing: no such file/,
  })
  await assert.rejects(readBytes(folder), { code: 'input', message: /it is a folder, not a file/ })
  await writeFile(join(folder, 'ten'), '0123456789')
  await assert.rejects(readBytes(join(folder, 'ten'), { limit: 9 }), /10 bytes, more than the 9/)
  const closed = join(folder, 'closed')
  await mkdir(closed)
  await chmod(closed, 0o500)
  if (process.getuid?.() !== 0)
    await assert.rejects(writeFileAtomic(join(closed, 'x'), ''), { code: 'input', message: /permission denied/ })
  await symlink(join(folder, 'loop'), join(folder, 'loop'))
  await assert.rejects(readBytes(join(folder, 'loop')), { code: 'input', message: /ELOOP/ })
})
