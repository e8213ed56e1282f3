import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { appendFile, mkdir, readdir, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { basename, join } from 'node:path'
import { test } from 'node:test'
import { scratchFolder } from '../../test/cli.ts'
import { TubeletError } from '../errors.ts'
import { continueRun, createRun, keepCheckpoint, type NewRun } from './run-folder.ts'
import { lastCheckpoint, listRuns, readMetrics, readRun } from './run-list.ts'
import { lockRun } from './run-lock.ts'

const root = await scratchFolder()
let made = 0
/** A place of its own for each test. */
const place = () => join(root, `place-${made++}`)

const plan: NewRun = {
  name: 'Emoji video, tiny',
  config: { width: 32 },
  seed: 7,
  device: 'cpu',
  versions: { tubelet: '0.1.0' },
  steps: 100,
}

const json = async (path: string) => JSON.parse(await readFile(path, 'utf8'))

/** A pid that no process has: that of one which has ended. */
const deadPid = () =>
  new Promise<number>((resolve) => {
    const child = spawn(process.execPath, ['-e', ''])
    child.on('exit', () => resolve(child.pid!))
  })

test('a new run has its plan, its process and its configuration on the disk at once', async () => {
  const run = await createRun(place(), plan)
  assert.match(basename(run.path), /^\d{4}-\d\d-\d\d-\d{4}-emoji-video-tiny-[0-9a-f]{4}$/)
  assert.deepEqual(await json(join(run.path, 'config.json')), { width: 32 })
  const { created, heartbeat, git, ...record } = await json(join(run.path, 'run.json'))
  assert.ok(Date.parse(created) <= Date.parse(heartbeat))
  if (git !== undefined) assert.match(git, /^[0-9a-f]{40}\+?$/)
  assert.deepEqual(record, {
    ...{ name: plan.name, status: 'running', step: 0, steps: 100, seed: 7, device: 'cpu' },
    ...{ versions: { tubelet: '0.1.0' }, pid: process.pid, host: hostname() },
  })
  await run.finish('done')
  assert.equal((await readRun(run.path)).status, 'done')
})

test('runs of one name and minute get folders of their own', async () => {
  const folder = place()
  const runs = await Promise.all(Array.from({ length: 20 }, () => createRun(folder, plan)))
  assert.equal(new Set(runs.map((run) => run.path)).size, 20)
  for (const run of runs) await run.finish('done')
})

test('metrics are read back as written; a row cut short by a kill is ignored and does not spoil the next', async () => {
  const run = await createRun(place(), plan)
  await Promise.all([1, 2, 3].map((step) => run.metrics({ step, loss: 1 / step })))
  await run.checkpoint(3, async () => {})
  await run[Symbol.asyncDispose]()
  await appendFile(join(run.path, 'metrics.jsonl'), '{"step":4,"los')
  assert.deepEqual(
    (await readMetrics(run.path)).map(({ step }) => step),
    [1, 2, 3],
  )
  const again = await continueRun(run.path, { step: 3 })
  await again.metrics({ step: 4, loss: 0.25 })
  await again.finish('done')
  assert.deepEqual(
    (await readMetrics(run.path)).map(({ step }) => step),
    [1, 2, 3, 4],
  )
})

test('a run that goes on from a checkpoint drops what came after it', async () => {
  const run = await createRun(place(), plan)
  for (let step = 1; step <= 10; step++) await run.metrics({ step, loss: step })
  await run.event('sample', { step: 9 })
  await run.event('note')
  await run.finish('stopped')
  const again = await continueRun(run.path, { step: 6, steps: 200 })
  assert.deepEqual([again.record.status, again.record.step, again.record.steps], ['running', 6, 200])
  await again.metrics({ step: 7, loss: 70 })
  await again.finish('done')
  const rows = await readMetrics(run.path)
  assert.deepEqual(
    rows.map(({ loss }) => loss),
    [1, 2, 3, 4, 5, 6, 70],
  )
  assert.equal((await readRun(run.path)).record.step, 7)
})

test('a run that goes on is what it is from now on, unless somebody else went on meanwhile', async () => {
  const run = await createRun(place(), plan)
  await run.finish('stopped')
  const { heartbeat } = (await readRun(run.path)).record
  await (await continueRun(run.path, { step: 0, config: { width: 64 }, heartbeat })).finish('stopped')
  assert.deepEqual(await json(join(run.path, 'config.json')), { width: 64 })
  await assert.rejects(continueRun(run.path, { step: 0, config: { width: 9 }, heartbeat: 'before' }), {
    code: 'usage',
    message: `${run.path}: another process has gone on with this run meanwhile; resume it again`,
  })
  assert.deepEqual(await json(join(run.path, 'config.json')), { width: 64 })
  await (await continueRun(run.path, { step: 0 })).finish('done')
})

test('a checkpoint that another run reads stays when newer ones come', async () => {
  await using run = await createRun(place(), plan)
  const kept = await run.checkpoint(1, async () => {})
  await keepCheckpoint(kept, 'another')
  for (const step of [2, 3, 4]) await run.checkpoint(step, async () => {})
  assert.deepEqual(
    (await readdir(join(run.path, 'checkpoints'))).filter((name) => name !== 'last'),
    ['step-000001', 'step-000003', 'step-000004'],
  )
})

test('two runs cannot write to one folder, and the second is told who is there', async () => {
  await using run = await createRun(place(), plan)
  const message = `${run.path} is in use by process ${process.pid} on ${hostname()}; stop it, or choose another folder`
  await assert.rejects(continueRun(run.path, { step: 0 }), { name: 'TubeletError', code: 'usage', message })
  assert.equal((await readRun(run.path)).status, 'running')
  await run.finish('stopped')
  await (await continueRun(run.path, { step: 0 })).finish('done')
})

test('the lock of a dead process is taken over by exactly one of many', async () => {
  const run = await createRun(place(), plan)
  await run.finish('stopped')
  for (const began of [undefined, 'of another boot']) {
    const pid = began ? process.pid : await deadPid() // a pid in use again by another process is told apart
    await writeFile(join(run.path, 'lock'), JSON.stringify({ id: `dead-${began}`, pid, host: hostname(), began }))
    const tries = await Promise.allSettled(Array.from({ length: 16 }, () => lockRun(run.path)))
    const won = tries.filter((one) => one.status === 'fulfilled')
    assert.equal(won.length, 1)
    for (const one of tries) if (one.status === 'rejected') assert.equal(one.reason.code, 'usage')
    await won[0].value.release()
  }
  assert.deepEqual(
    (await readdir(run.path)).filter((name) => name.includes('lock')),
    [],
  )
})

test('a process that is killed in the middle of a step leaves a run that is interrupted and can go on', async () => {
  const script = `
    import { createRun } from './src/files/run-folder.ts'
    const run = await createRun(${JSON.stringify(place())}, ${JSON.stringify(plan)})
    await run.checkpoint(5, async (folder) => (await import('node:fs/promises')).writeFile(folder + '/a', 'five'))
    await run.checkpoint(10, async (folder) => {
      await (await import('node:fs/promises')).writeFile(folder + '/a', 'half')
      console.log(run.path)
      await new Promise(() => setTimeout(() => {}, 1e6))
    })`
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script])
  const path = await new Promise<string>((resolve) => child.stdout.once('data', (data) => resolve(String(data).trim())))
  assert.equal((await readRun(path)).status, 'running')
  child.kill('SIGKILL')
  await new Promise((resolve) => child.once('exit', resolve))
  assert.equal((await readRun(path)).status, 'interrupted')
  const last = await lastCheckpoint(path)
  assert.deepEqual([last.step, await readFile(join(last.path, 'a'), 'utf8')], [5, 'five'])
  const again = await continueRun(path, { step: last.step })
  await again.checkpoint(10, (folder) => writeFile(join(folder, 'a'), 'ten'))
  await again.finish('done')
  assert.deepEqual((await readdir(join(path, 'checkpoints'))).sort(), ['last', 'step-000005', 'step-000010'])
})

test('checkpoints appear whole, the newest stay, and a failed one changes nothing', async () => {
  await using run = await createRun(place(), plan, { keep: 2 })
  const write = (text: string) => (folder: string) => writeFile(join(folder, 'w'), text)
  for (const step of [10, 20, 30]) {
    const path = await run.checkpoint(step, write(`weights ${step}`))
    assert.equal(await readFile(join(path, 'w'), 'utf8'), `weights ${step}`)
  }
  const failing = run.checkpoint(40, async (folder) => {
    await writeFile(join(folder, 'w'), 'torn')
    throw Object.assign(new Error('full'), { code: 'ENOSPC' })
  })
  await assert.rejects(failing, { code: 'input', message: /^cannot write .*step-000040: disk full/ })
  const names = await readdir(join(run.path, 'checkpoints'))
  assert.deepEqual(names.sort(), ['last', 'step-000020', 'step-000030'])
  assert.equal((await lastCheckpoint(run.path)).step, 30)
  assert.equal((await readRun(run.path)).record.step, 30)
})

test('going on from an earlier step never removes the checkpoint just written', async () => {
  const run = await createRun(place(), plan)
  for (const step of [10, 20]) await run.checkpoint(step, async () => {})
  await run.finish('stopped')
  await using again = await continueRun(run.path, { step: 10 })
  await again.checkpoint(15, async () => {})
  assert.deepEqual((await readdir(join(run.path, 'checkpoints'))).sort(), ['last', 'step-000010', 'step-000015'])
  assert.equal((await lastCheckpoint(run.path)).step, 15)
})

test('without a sound `last` the newest complete checkpoint counts, and a torn folder never does', async () => {
  await using run = await createRun(place(), plan)
  await assert.rejects(lastCheckpoint(run.path), { code: 'input', message: `${run.path}: no checkpoint is there yet` })
  for (const step of [1, 2]) await run.checkpoint(step, async () => {})
  const checkpoints = join(run.path, 'checkpoints')
  await mkdir(join(checkpoints, `.step-000003.${await deadPid()}-0badf00d.part`))
  for (const content of ['step-000003\n', 'garbage', '']) {
    await writeFile(join(checkpoints, 'last'), content)
    assert.equal((await lastCheckpoint(run.path)).step, 2)
  }
  await rm(join(checkpoints, 'last'))
  assert.equal((await lastCheckpoint(run.path)).step, 2)
})

test('a full disk is one clear sentence, and what was written before stays readable', async (t) => {
  if (!existsSync('/dev/full')) return t.skip('no /dev/full on this system')
  const run = await createRun(place(), plan)
  await run.metrics({ step: 1, loss: 1 })
  await run.finish('stopped')
  const path = join(run.path, 'events.jsonl')
  await rm(path)
  await symlink('/dev/full', path)
  const again = await continueRun(run.path, { step: 1 })
  const message = `cannot write ${path}: disk full: free some space or choose another folder`
  await assert.rejects(again.event('sample'), { code: 'input', message })
  await again.finish('failed', message)
  assert.deepEqual(await readMetrics(run.path), [{ step: 1, loss: 1 }])
  assert.equal((await readRun(run.path)).record.error, message)
})

test('a folder that cannot be made is named with the reason', async () => {
  const file = place()
  await writeFile(file, 'a file')
  await assert.rejects(createRun(join(file, 'runs'), plan), {
    code: 'input',
    message: `cannot write ${join(file, 'runs')}: a part of the path is a file, not a folder`,
  })
})

test('a damaged run.json is refused by field, and such a folder is no run in the list', async () => {
  const folder = place()
  const [first, second] = [await createRun(folder, plan), await createRun(folder, { ...plan, name: '跑' })]
  await second.finish('failed', 'step 3: NaN')
  const path = join(first.path, 'run.json')
  const record = await json(path)
  await first.finish('done')
  await writeFile(path, JSON.stringify({ ...record, step: -1 }))
  await assert.rejects(
    readRun(first.path),
    (error) => error instanceof TubeletError && error.message.startsWith(`${path}: step: `),
  )
  await writeFile(path, '{')
  await assert.rejects(readRun(first.path), { code: 'input', message: /not valid JSON/ })
  const runs = await listRuns(folder)
  assert.deepEqual(
    runs.map(({ record }) => [record.name, record.status, record.error]),
    [['跑', 'failed', 'step 3: NaN']],
  )
  assert.match(basename(runs[0].path), /-跑-[0-9a-f]{4}$/)
})

test('the list has the newest run first, and a folder that is not there has none', async () => {
  const folder = place()
  for (const [name, created] of [
    ['old', '2026-01-01'],
    ['new', '2026-03-01'],
    ['mid', '2026-02-01'],
  ]) {
    const run = await createRun(folder, { ...plan, name })
    await run.finish('done')
    const path = join(run.path, 'run.json')
    await writeFile(path, JSON.stringify({ ...(await json(path)), created: `${created}T00:00:00.000Z` }))
  }
  assert.deepEqual(
    (await listRuns(folder)).map(({ record }) => record.name),
    ['new', 'mid', 'old'],
  )
  assert.deepEqual(await listRuns(place()), [])
})

test('a run gives signs of life, and one of another machine without any counts as gone', async () => {
  const run = await createRun(place(), plan, { heartbeatMs: 20 })
  const { heartbeat } = await json(join(run.path, 'run.json'))
  while ((await json(join(run.path, 'run.json'))).heartbeat === heartbeat)
    await new Promise((next) => setTimeout(next, 10))
  await run.finish('stopped')
  await writeFile(join(run.path, 'lock'), JSON.stringify({ id: 'far', pid: 1, host: 'another-machine' }))
  await assert.rejects(continueRun(run.path, { step: 0 }), { code: 'usage', message: /process 1 on another-machine/ })
  const longAgo = new Date(Date.now() - 3_600_000)
  await utimes(join(run.path, 'run.json'), longAgo, longAgo)
  await (await continueRun(run.path, { step: 0 })).finish('done')
})
