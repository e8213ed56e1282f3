import assert from 'node:assert/strict'
import { mkdir, readdir, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { recordingIo, runCli, scratchFolder } from '../../test/cli.ts'
import { startCli, until } from '../../test/cli-process.ts'
import { onlyRun, progressOf, testRecipe, traceOf } from '../../test/runs.ts'
import { readSafetensors, writeSafetensors } from '../files/checkpoint.ts'
import { readRun } from '../files/run-list.ts'
import { main } from './main.ts'

const root = await scratchFolder()
const slow = { TINY_PAUSE_MS: '40' }
/** Saves every third of a second, so that a kill loses steps. */
const seldom = ['--save-every', '0.005']

/** Trains in this process and gives the run's folder. */
async function trained(recipe: string, out: string, ...flags: string[]): Promise<string> {
  const { code, err } = await runCli(['train', testRecipe(recipe), '-o', out, ...flags], { cwd: root })
  assert.equal(code, 0, err)
  return onlyRun(join(root, out))
}

const resumed = (run: string, ...flags: string[]) => runCli(['train', '--resume', run, ...flags], { cwd: root })

/** Starts a slow run in a process of its own, and waits until it has done steps beyond its last checkpoint. */
async function started(argv: readonly string[], out: string) {
  const child = startCli(['train', ...argv], { cwd: root, env: slow })
  let run = ''
  await until(async () => {
    run ||= await onlyRun(join(root, out)).catch(() => '')
    const { saved, done } = run === '' ? { saved: 0, done: 0 } : await progressOf(run)
    return saved > 0 && done > saved
  }, child.err)
  return { child, run }
}

test('killed with -9 and resumed, twice, a run ends in the same bytes as the run that was not killed', async () => {
  const [steps, flags] = [40, ['--steps', '40', '--seed', '11']]
  const whole = await trained('everything', 'whole', ...flags)
  const first = await started([testRecipe('everything'), '-o', 'killed', ...flags, ...seldom], 'killed')
  first.child.kill('SIGKILL')
  assert.equal(await first.child.ended, 'SIGKILL')
  const { run } = first
  const before = await progressOf(run)
  assert.ok(before.done < steps, `it had come to its end: ${JSON.stringify(before)}`)
  assert.equal((await readRun(run)).status, 'interrupted')

  const second = startCli(['train', '--resume', run, ...seldom], { cwd: root, env: slow })
  await until(async () => (await progressOf(run)).saved > before.saved, second.err)
  second.kill('SIGKILL')
  await second.ended
  assert.ok((await progressOf(run)).done < steps)

  const { code, out, err } = await resumed(run)
  assert.equal(code, 0, err)
  assert.equal(out, `${run}\n`)
  assert.deepEqual(await traceOf(run, steps), await traceOf(whole, steps))
  assert.equal((await readRun(run)).status, 'done')
  const { arrays } = await readSafetensors(join(run, 'checkpoints/step-000040/trainer/state.safetensors'))
  const kinds = new Set(Object.keys(arrays).map((name) => name.split(' ')[0]))
  assert.deepEqual([...kinds].sort(), ['average', 'buffers', 'first', 'second', 'weights'])
  assert.deepEqual(arrays['buffers norm.num_batches_tracked'], { data: Float32Array.of(80), shape: [] })
})

test('Ctrl-C finishes the step, saves, tells how to go on and exits with 130; what follows is as if it had not been', async () => {
  const whole = await trained('tiny', 'uninterrupted', '--steps', '60')
  const { child, run } = await started(
    [testRecipe('tiny'), '-o', 'interrupted', '--steps', '60', ...seldom],
    'interrupted',
  )
  child.kill('SIGINT')
  assert.equal(await child.ended, 130)
  const { saved, done } = await progressOf(run)
  assert.equal(saved, done)
  assert.ok(done < 60)
  assert.match(child.err(), /^Stopping after this step, saving what there is; Ctrl-C again stops at once\.$/m)
  assert.ok(child.err().endsWith(`stopped: at step ${done}; go on with: tubelet train --resume ${run}\n`), child.err())
  assert.equal((await readRun(run)).status, 'stopped')
  assert.equal((await resumed(run)).code, 0)
  assert.deepEqual(await traceOf(run, 60), await traceOf(whole, 60))
})

test('SIGTERM saves as well and exits with 143', async () => {
  const { child, run } = await started(
    [testRecipe('tiny'), '-o', 'terminated', '--steps', '500', ...seldom],
    'terminated',
  )
  child.kill('SIGTERM')
  assert.equal(await child.ended, 143)
  const { saved, done } = await progressOf(run)
  assert.equal(saved, done)
})

test('a run that is being prepared stops at the next thing that it tells of, and leaves no folder', async () => {
  const args = ['train', testRecipe('prepared-by-parts'), '-o', 'prepared']
  const stop = new AbortController()
  const told: string[] = []
  const write = (text: string | Uint8Array) => told.push(String(text)) && stop.abort('SIGINT')
  const listening = { ...recordingIo({ cwd: root, signal: stop.signal }).io, stderr: { write } }
  assert.equal(await main(args, listening), 130)
  assert.deepEqual(told, ['part 1 is prepared\n', 'stopped: before the first step\n'])
  await assert.rejects(stat(join(root, 'prepared')), /ENOENT/)
})

test('in the middle of a step Ctrl-C is answered at once, and a second one ends the process', async () => {
  const child = startCli(['train', testRecipe('stuck'), '-o', 'stuck'], { cwd: root })
  await until(() => child.err().includes('busy'), child.err)
  const from = performance.now()
  child.kill('SIGINT')
  child.kill('SIGINT')
  child.kill('SIGTERM') // npm passes on what the terminal has sent already, so that one Ctrl-C comes as two signals
  await until(() => child.err().includes('Stopping after this step'), child.err)
  assert.equal(await Promise.race([child.ended, setTimeout(1000, 'goes on')]), 'goes on')
  child.kill('SIGINT')
  assert.equal(await child.ended, 'SIGINT')
  assert.ok(performance.now() - from < 20_000, 'the step would have taken a minute')
})

test('a run that was stopped before its first checkpoint begins again, and says so', async () => {
  const whole = await trained('tiny', 'from-scratch')
  const run = await trained('tiny', 'again')
  await rm(join(run, 'checkpoints'), { recursive: true })
  const { code, err } = await resumed(run)
  assert.equal(code, 0)
  assert.match(err, /note: no checkpoint had been saved, so the run begins again at step 0/)
  assert.deepEqual(await traceOf(run, 8), await traceOf(whole, 8))
})

test('--steps on a resumed run makes it longer; the steps are those of a run of that length', async () => {
  const long = await trained('tiny', 'long', '--steps', '11')
  const run = await trained('tiny', 'short', '--steps', '5')
  for (const flags of [[], ['--steps', '5'], ['--steps', '3']]) {
    const { code, err } = await resumed(run, ...flags)
    assert.equal(code, 2)
    assert.match(err, /short\/.* has made its 5 steps; to go on, ask for more with --steps \[TUBELET_USAGE\]/)
  }
  assert.equal((await resumed(run, '--steps', '9')).code, 0)
  assert.equal((await resumed(run, '--steps', '11')).code, 0)
  assert.deepEqual(await traceOf(run, 11), await traceOf(long, 11))
})

test('a damaged checkpoint is passed over with a note, in favour of the one before', async () => {
  const whole = await trained('tiny', 'sound', '--steps', '9')
  const damages: Record<string, (state: string, note: string) => Promise<unknown>> = {
    'a byte that has changed': async (state) => {
      const bytes = await readFile(state)
      bytes[bytes.length - 5] ^= 1
      await writeFile(state, bytes)
    },
    'a file that was cut short': (state) => truncate(state, 1000),
    'a file that is gone': (state) => rm(state),
    'a note that is no JSON': (_, note) => writeFile(note, '{"step":'),
  }
  for (const [what, damage] of Object.entries(damages)) {
    const out = what.replaceAll(' ', '-')
    const run = await trained('tiny', out, '--steps', '6', '--save-every', '0')
    assert.deepEqual((await readdir(join(run, 'checkpoints'))).sort(), ['last', 'step-000005', 'step-000006'])
    const trainer = join(run, 'checkpoints/step-000006/trainer')
    await damage(join(trainer, 'state.safetensors'), join(trainer, 'state.json'))
    const { code, err } = await resumed(run, '--steps', '9')
    assert.equal(code, 0, err)
    assert.match(err, /note: passed over a damaged checkpoint: .*step-000006/, what)
    assert.match(err, /step 6\/9/)
    assert.deepEqual(await traceOf(run, 9), await traceOf(whole, 9), what)
  }
})

test('a whole checkpoint counts, although the process was killed before it was named the last', async () => {
  const whole = await trained('tiny', 'named', '--steps', '9')
  const run = await trained('tiny', 'unnamed', '--steps', '4', '--save-every', '0')
  await writeFile(join(run, 'checkpoints', 'last'), 'step-000003\n')
  const { code, err } = await resumed(run, '--steps', '9')
  assert.equal(code, 0, err)
  assert.match(err, /^step 5\/9/m)
  assert.doesNotMatch(err, /^step 4\/9/m)
  assert.deepEqual(await traceOf(run, 9), await traceOf(whole, 9))
})

test('with every checkpoint damaged, resuming says so and changes nothing', async () => {
  const run = await trained('tiny', 'ruined', '--save-every', '0')
  for (const step of ['step-000007', 'step-000008'])
    await truncate(join(run, 'checkpoints', step, 'trainer/state.safetensors'), 20)
  const before = await readFile(join(run, 'metrics.jsonl'), 'utf8')
  const { code, err } = await resumed(run, '--steps', '20')
  assert.equal(code, 3)
  assert.match(err, /error: .*ruined.*: no checkpoint can be read: .*step-000008.*\[TUBELET_INPUT\]/)
  assert.equal(await readFile(join(run, 'metrics.jsonl'), 'utf8'), before)
})

test("a state that does not fit the recipe's model is refused, and the run stays as it was", async () => {
  const run = await trained('tiny', 'other-model')
  const { code, err } = await resumed(run, testRecipe('wide'), '--steps', '9')
  assert.equal(code, 3)
  assert.match(
    err,
    /the saved state does not fit the model: 'weights up.weight' is \[16, 6\] there and \[50000, 6\] in the model, and \d+ more/,
  )
  assert.equal((await readRun(run)).status, 'done')
  assert.equal((await resumed(run, testRecipe('tiny'), '--steps', '9')).code, 0)
})

test('a second process is turned away from a run that is going on, which it leaves alone', async () => {
  const { child, run } = await started([testRecipe('tiny'), '-o', 'busy', '--steps', '500', ...seldom], 'busy')
  const { code, err } = await resumed(run)
  assert.equal(code, 2)
  assert.match(
    err,
    new RegExp(
      `busy/.* is in use by process ${child.pid} on .*; stop it, or choose another folder \\[TUBELET_USAGE\\]`,
    ),
  )
  const { done } = await progressOf(run)
  await until(async () => (await progressOf(run)).done > done)
  child.kill('SIGINT')
  assert.equal(await child.ended, 130)
})

test('a run that began with weights goes on with them, even where it has no checkpoint yet', async () => {
  await mkdir(join(root, 'begin'))
  const weights = { 'down.weight': { data: new Float32Array(64).fill(0.5), shape: [64] } }
  await writeSafetensors(join(root, 'begin', 'model.safetensors'), weights)
  const run = await trained('tiny', 'weights', '--steps', '4', '--from', 'begin')
  const whole = await traceOf(run, 4)
  for (const name of await readdir(join(run, 'checkpoints')))
    await rm(join(run, 'checkpoints', name), { recursive: true })
  await rename(join(root, 'begin'), join(root, 'begun'))
  assert.equal((await resumed(run)).code, 3)
  const { code, err } = await resumed(run, '--from', join(root, 'begun')) // where they lie now
  assert.equal(code, 0, err)
  assert.deepEqual(await traceOf(run, 4), whole)
})
