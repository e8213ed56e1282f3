import assert from 'node:assert/strict'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { runCli, scratchFolder } from '../../test/cli.ts'
import { startCli } from '../../test/cli-process.ts'
import { onlyRun, testRecipe, traceOf } from '../../test/runs.ts'
import { readSafetensors, writeSafetensors } from '../files/checkpoint.ts'
import { readJsonLines } from '../files/json-lines.ts'
import { checkpointSteps, readRun } from '../files/run-list.ts'

const root = await scratchFolder()
const train = (...argv: string[]) => runCli(['train', ...argv], { cwd: root })

/** Writes a recipe of these lines and gives its path. */
async function recipeOf(name: string, ...lines: string[]): Promise<string> {
  const path = join(root, `${name}.ts`)
  await writeFile(path, `${lines.join('\n')}\n`)
  return path
}

/** A recipe like `tiny`, but for the fields of the run that the text gives. */
const changed = (name: string, fields: string) =>
  recipeOf(
    name,
    `import { tinyRecipe } from '${testRecipe('tiny')}'`,
    `export default tinyRecipe('${name}', (run) => (${fields}))`,
  )

test('a run prints its folder on stdout and plain lines on stderr; the folder holds what was decided and measured', async () => {
  const { code, out, err } = await train(
    testRecipe('tiny'),
    '--steps',
    '6',
    '--seed',
    '9',
    '--data',
    'a,b',
    '-o',
    'plain',
  )
  const run = await onlyRun(join(root, 'plain'))
  assert.deepEqual([code, out], [0, `${run}\n`])
  const lines = err.trimEnd().split('\n')
  assert.equal(lines[0], run)
  assert.match(lines[1], /^192 parameters, ready in \d+ ms$/)
  assert.match(lines[2], /^step 1\/6 {2}loss \d\.\d{4} {2}[\d.]+ samples\/s {2}\d+:\d\d left$/)
  assert.match(lines[7], /^step 6\/6 {2}loss \d\.\d{4} {2}[\d.]+ samples\/s$/)
  assert.equal(lines.length, 8)
  assert.deepEqual(JSON.parse(await readFile(join(run, 'config.json'), 'utf8')), {
    recipe: testRecipe('tiny'),
    data: `${join(root, 'a')},${join(root, 'b')}`,
    seed: 9,
    steps: 6,
    settings: { rows: 8, inputs: 6, hidden: 16, outputs: 4 },
  })
  const { metrics, files } = await traceOf(run, 6)
  assert.deepEqual(Object.keys(metrics[0]), ['step', 'loss', 'gradientNorm', 'lr'])
  assert.deepEqual(
    metrics.map(({ step, lr }) => [step, lr]),
    [1, 2, 3, 4, 5, 6].map((step) => [step, 0.01 * Math.min(1, step / 4)]),
  )
  assert.deepEqual(Object.keys(files), ['/tiny/names.json', '/trainer/state.json', '/trainer/state.safetensors'])
})

test('a run may begin with the weights of a model, and is told where one does not fit', async () => {
  const lossOf = async (out: string, ...flags: string[]) => {
    await train(testRecipe('tiny'), '--steps', '1', '-o', out, ...flags)
    return (await traceOf(await onlyRun(join(root, out)), 1)).metrics[0].loss
  }
  await mkdir(join(root, 'begin'))
  const write = (name: string, count: number) =>
    writeSafetensors(join(root, 'begin', 'model.safetensors'), {
      [name]: { data: new Float32Array(count).fill(0), shape: [count] },
    })
  await write('down.weight', 64)
  const [drawn, given] = [await lossOf('drawn'), await lossOf('given', '--from', 'begin')]
  assert.notEqual(drawn, given)
  assert.equal(given, await lossOf('again', '--from', 'begin'))
  await write('down.weight', 63)
  const wrong = await train(testRecipe('tiny'), '--from', 'begin')
  assert.equal(wrong.code, 3)
  assert.match(wrong.err, /first weights: 'down\.weight' holds 63 numbers, not 64/)
})

test('weights that a recipe would not take are refused before anything is trained', async () => {
  const path = await changed('proud', '{ weights: undefined }')
  const { code, err } = await train(path, '--from', 'begin', '-o', 'proud')
  assert.equal(code, 2)
  assert.match(err, /proud does not begin with weights of a model; leave out --from/)
  await assert.rejects(readdir(join(root, 'proud')))
})

test('the checkpoint that a run builds on is kept before it is read, but not for a dry run', async () => {
  await train(testRecipe('tiny'), '--steps', '2', '-o', 'read')
  const read = await onlyRun(join(root, 'read'))
  const recipe = [
    "import { readFile } from 'node:fs/promises'",
    "const marked = ({ model }) => readFile(model + '/kept-for.txt', 'utf8')",
    "export default { name: 'asks', summary: 'x', async prepare(c) { throw new Error('kept for ' + (await marked(c))) } }",
  ]
  await writeFile(join(root, 'asks.mjs'), recipe.join('\n'))
  const args = ['asks.mjs', '--model', read, '-o', 'reading']
  assert.match((await train(...args, '--dry-run')).err, /no such file or directory, open .*kept-for\.txt/)
  const { err } = await train(...args)
  assert.ok(err.includes(`kept for ${join(root, 'reading')} `), err)
})

test('a checkpoint that cannot be kept for a run that builds on it is a note', async () => {
  await train(testRecipe('tiny'), '--steps', '2', '-o', 'below')
  const below = await onlyRun(join(root, 'below'))
  await mkdir(join(below, 'checkpoints', 'step-000002', 'kept-for.txt')) // so that no file can be written there
  const { code, err } = await train(testRecipe('tiny'), '--steps', '1', '--model', below, '-o', 'above')
  assert.equal(code, 0, err)
  assert.match(err, /note: .*step-000002 may be removed by its own run: cannot write .*kept-for\.txt: it is a folder/)
  assert.equal((await readRun(await onlyRun(join(root, 'above')))).status, 'done')
})

test('a step that fails costs none of those before it, however seldom is saved', async () => {
  const fields = "{ batch(step) { if (step === 5) throw new Error('no more data'); return run.batch(step) } }"
  const { code, err } = await train(await changed('ending', fields), '-o', 'ending', '--save-every', '60')
  assert.equal(code, 3)
  assert.match(err, /ending\.ts:2: no more data/)
  const run = await onlyRun(join(root, 'ending'))
  assert.deepEqual(await checkpointSteps(run), [5])
  await train(testRecipe('tiny'), '-o', 'unending', '--steps', '5')
  const whole = await onlyRun(join(root, 'unending'))
  const state = (of: string) => readFile(join(of, 'checkpoints', 'step-000005', 'trainer', 'state.safetensors'), 'hex')
  assert.equal(await state(run), await state(whole))
})

test('want of memory in a recipe is told as such, not as its mistake', async () => {
  const path = await changed('hungry', '{ build() { return new Float32Array(2 ** 52) } }')
  const { code, err } = await train(path)
  assert.equal(code, 5)
  assert.match(err, /out of memory/)
})

test('a run that begins with weights draws numbers of its own, not again those that made the weights', async () => {
  await mkdir(join(root, 'made'))
  const seedAfter = async (value: number, out: string, ...flags: string[]) => {
    const weights = { 'down.weight': { data: new Float32Array(64).fill(value), shape: [64] } }
    await writeSafetensors(join(root, 'made', 'model.safetensors'), weights)
    await train(testRecipe('tiny'), '--steps', '1', '-o', out, '--from', 'made', ...flags)
    return (await readRun(await onlyRun(join(root, out)))).record.seed
  }
  const first = await seedAfter(0, 'made-first')
  assert.ok(first > 0)
  assert.equal(await seedAfter(0, 'made-again'), first)
  assert.notEqual(await seedAfter(1, 'made-other'), first)
  assert.equal(await seedAfter(0, 'made-asked', '--seed', '5'), 5)
})

test('a run may be named as a model: its last checkpoint is what is built on', async () => {
  await train(testRecipe('tiny'), '--steps', '2', '-o', 'runs')
  const first = await onlyRun(join(root, 'runs'))
  const { code, err } = await train(testRecipe('tiny'), '--steps', '1', '--model', 'last', '-o', 'built')
  assert.equal(code, 0, err)
  const { model } = JSON.parse(await readFile(join(await onlyRun(join(root, 'built')), 'config.json'), 'utf8'))
  assert.equal(model, join(first, 'checkpoints', 'step-000002'))
})

test('--freeze keeps some parameters as they are, also when the run goes on', async () => {
  const weightsOf = async (run: string, step: string) => {
    const { arrays } = await readSafetensors(join(run, 'checkpoints', step, 'trainer', 'state.safetensors'))
    return ['buffers up.weight', 'weights down.weight'].map((name) => arrays[name])
  }
  await train(testRecipe('tiny'), '--steps', '2', '--freeze', '^up', '-o', 'freeze')
  const run = await onlyRun(join(root, 'freeze'))
  const { code, err } = await train('--resume', run, '--steps', '4')
  assert.equal(code, 0, err)
  const [before, after] = [await weightsOf(run, 'step-000002'), await weightsOf(run, 'step-000004')]
  assert.deepEqual(after[0], before[0])
  assert.notDeepEqual(after[1], before[1])
  const frozen = await changed('cold', "{ frozen: (name) => name.startsWith('down') }")
  await train(frozen, '--steps', '2', '--freeze', '^up', '-o', 'cold')
  const cold = join(await onlyRun(join(root, 'cold')), 'checkpoints', 'step-000002', 'trainer', 'state.safetensors')
  const moved = Object.keys((await readSafetensors(cold)).arrays).filter((name) => name.startsWith('weights'))
  assert.deepEqual(moved, ['weights norm.bias', 'weights norm.weight']) // what the recipe freezes stays frozen
  const typo = await train(testRecipe('tiny'), '--freeze', '^upp')
  assert.equal(typo.code, 2)
  assert.match(typo.err, /--freeze \^upp: no parameter is named so; there is norm\.weight/)
  const wrong = await train(testRecipe('tiny'), '--freeze', '(')
  assert.equal(wrong.code, 2)
  assert.match(wrong.err, /it is a regular expression/)
})

test('on a terminal there is one progress line; --json gives one object; --quiet only the result', async () => {
  const tty = await runCli(['train', testRecipe('tiny'), '-o', 'tty'], { cwd: root, isTTY: true, columns: 100 })
  assert.match(tty.err, /ready in \d+ ms\n\rstep 1\/8 ▕.*▏ {2}loss .*\rstep.*\n$/s)
  assert.equal(tty.err.split('\n').length, 4)
  const json = await train(testRecipe('tiny'), '-o', 'json', '--json')
  assert.deepEqual(JSON.parse(json.out), { run: await onlyRun(join(root, 'json')), step: 8 })
  const quiet = await train(testRecipe('tiny'), '-o', 'quiet', '-q')
  assert.deepEqual([quiet.err, quiet.out], ['', `${await onlyRun(join(root, 'quiet'))}\n`])
})

test('--minutes measures some steps and chooses how many there will be', async () => {
  process.env.TINY_PAUSE_MS = '20'
  const { code, err } = await train(testRecipe('tiny'), '--minutes', '0.01', '-o', 'minutes')
  delete process.env.TINY_PAUSE_MS
  assert.equal(code, 0, err)
  assert.match(err, /^measuring how long a step takes\n/)
  const { step, steps } = (await readRun(await onlyRun(join(root, 'minutes')))).record
  assert.equal(step, steps)
  assert.ok(step >= 1 && step <= 30, `${step} steps of 20 ms or more in 600 ms`)
})

test('--dry-run tells what a run takes and trains nothing', async () => {
  const path = await changed('untrained', "{ batch() { throw new Error('asked for a batch') } }")
  const { code, out } = await train(path, '--dry-run', '--steps', '1000', '-o', 'dry')
  assert.equal(code, 0)
  const lines = out.trimEnd().split('\n')
  assert.equal(lines[0], 'untrained: 192 parameters')
  assert.match(lines[1], /^one step: 0\.00 GFLOP in matrix products and convolutions$/)
  assert.match(
    lines[2],
    /^memory: about \d+ MB \(\d+ MB now, 3\.8 kB for weights and averages, [\d.]+ kB for a step\)$/,
  )
  assert.match(
    lines[3],
    /^time: about \d+:\d\d for 1,000 steps, .* which run at [\d.]+ GFLOP\/s on this machine at best$/,
  )
  assert.equal(lines[4], 'Nothing was trained.')
  await assert.rejects(readdir(join(root, 'dry')))

  const { steps, flops, stepMs, hours, rate } = JSON.parse((await train(path, '--dry-run', '--json')).out)
  // Products forward, for the weights, and for the input of the second layer and of the first, which a norm precedes.
  assert.equal(flops, 3 * 2 * 8 * (6 * 16 + 16 * 4))
  assert.equal(steps, 8)
  assert.ok(Math.abs(stepMs / ((1.25 * 1000 * flops) / rate) - 1) < 1e-9)
  assert.ok(Math.abs(hours / ((steps * stepMs) / 3.6e6) - 1) < 1e-9)
  assert.match(
    (await train(path, '--dry-run', '--lang', 'zh')).out,
    /^untrained: 192 个参数\n每步：.*\n内存：.*\n用时：.*\n没有进行训练。\n$/,
  )
})

test('a NaN ends the run with exit code 4, its step and the value it arose in; the last checkpoint is whole', async () => {
  const { code, err } = await train(testRecipe('logarithm'), '-o', 'nan', '--save-every', '0')
  assert.equal(code, 4)
  const sentence =
    'step 6: the output of log [] in head is not a finite number (loss NaN); the weights are still those of step 5'
  assert.match(err, new RegExp(`error: ${sentence.replace(/[[\]()]/g, '\\$&')} \\[TUBELET_NUMERIC\\]\n$`))
  const run = await onlyRun(join(root, 'nan'))
  const { status, record } = await readRun(run)
  assert.deepEqual([status, record.step, record.error], ['failed', 5, sentence])
  assert.deepEqual(await checkpointSteps(run), [4, 5])
  const again = await train('--resume', run, '--lang', 'zh') // meets the same number at the same step
  assert.equal(again.code, 4)
  assert.match(again.err, /错误：第 6 步：the output of log \[\] in head 不是有限的数（损失 NaN）；权重仍是第 5 步的/)
})

test('a full disk ends the run with one sentence and exit code 3; nothing half written stays, and the run goes on later', async () => {
  const whole = await train(testRecipe('wide'), '-o', 'enough', '--steps', '4')
  assert.equal(whole.code, 0)
  assert.equal((await train(testRecipe('wide'), '-o', 'full', '--steps', '2')).code, 0)
  const run = await onlyRun(join(root, 'full'))
  const child = startCli(['train', '--resume', run, '--steps', '4', '--save-every', '0'], {
    cwd: root,
    largestFile: 2 ** 20,
  })
  assert.equal(await child.ended, 3)
  const lines = child.err().trimEnd().split('\n')
  assert.match(
    lines.at(-1)!,
    /^error: cannot write .*step-000003.*: the file is too large for this file system \[TUBELET_INPUT\]$/,
  )
  assert.deepEqual((await readdir(join(run, 'checkpoints'))).sort(), ['last', 'step-000002'])
  assert.equal((await readRun(run)).status, 'failed')
  assert.equal((await train('--resume', run)).code, 0)
  assert.deepEqual(await traceOf(run, 4), await traceOf(await onlyRun(join(root, 'enough')), 4))
})

test('pictures that cannot be drawn are a note and a row of events.jsonl; training goes on', async () => {
  const path = await changed('unseen', "{ pictures: async () => { throw new Error('no paint') } }")
  const { code, err } = await train(path, '-o', 'unseen', '--draw-every', '0', '--steps', '3')
  assert.equal(code, 0)
  assert.equal(err.match(/note: no pictures were drawn: .*unseen\.ts:2: no paint/g)?.length, 3)
  const events = await readJsonLines(join(await onlyRun(join(root, 'unseen')), 'events.jsonl'))
  assert.deepEqual(events.map((event) => ({ ...event, time: '' })).at(-1), {
    time: '',
    kind: 'no pictures',
    step: 3,
    error: `${path}:2: no paint`,
  })
})

test('a model that cannot be made is an error, but the state of training is saved first', async () => {
  const path = await changed('unpublished', "{ publish: async () => { throw new Error('no shop') } }")
  const { code, err } = await train(path, '-o', 'unpublished')
  assert.deepEqual([code, /unpublished\.ts:2: no shop \[TUBELET_INPUT\]/.test(err)], [3, true])
  assert.deepEqual(await checkpointSteps(await onlyRun(join(root, 'unpublished'))), [8])
})
