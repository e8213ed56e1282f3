import assert from 'node:assert/strict'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { runCli, scratchFolder } from '../../test/cli.ts'
import { testRecipe } from '../../test/runs.ts'
import { recipeNames } from './recipe-file.ts'
import { systems } from './system-list.ts'

const root = await scratchFolder()

/** Asks to train a recipe that is no good: one sentence, exit code 3, and no run folder. */
async function refused(argv: readonly string[], sentence: string | RegExp, expected = 3) {
  const { code, out, err } = await runCli(['train', '-o', 'runs', ...argv], { cwd: root })
  const [line, ...rest] = err.trimEnd().split('\n')
  const name = expected === 2 ? 'USAGE' : 'INPUT'
  if (typeof sentence === 'string') assert.equal(line, `error: ${sentence} [TUBELET_${name}]`)
  else assert.match(line, sentence)
  assert.deepEqual(rest, expected === 2 ? ['help: tubelet train --help'] : [])
  assert.deepEqual([code, out], [expected, ''])
  await assert.rejects(readdir(join(root, 'runs')))
}

async function recipe(name: string, text: string): Promise<string> {
  const path = join(root, name)
  await writeFile(path, text)
  return path
}

test('a recipe that is not there is told with what there is', async () => {
  const known = (await recipeNames()).join(', ')
  const names = `a recipe is a .ts or .js file, or one of ${known}`
  await refused(['recipes/gone.ts'], `${join(root, 'recipes/gone.ts')}: no such recipe; ${names}`)
  await refused(
    ['gone'],
    /^error: .*recipes\/gone\.ts: no such recipe; a recipe is a \.ts or \.js file, or one of captioner, ddpm-mnist,/,
  )
  await refused([root], /: no such recipe; /)
  await refused([], 'train: which recipe? For example: tubelet train emoji-video --minutes 3', 2)
  const { code, err } = await runCli(['train', 'gone.ts', '--lang', 'zh'], { cwd: root })
  assert.equal(code, 3)
  assert.match(err, /^错误：.*gone\.ts：没有这个配方；配方是 \.ts 或 \.js 文件/)
})

test('every system has a recipe, and every recipe that comes with the package belongs to one', async () => {
  for (const { name, recipes } of systems) assert.ok(recipes.length > 0, name)
  const used = systems.flatMap(({ recipes }) => recipes)
  assert.deepEqual([...used].sort(), [...(await recipeNames())].sort())
})

test('a file that is no recipe, or no TypeScript, is refused with its name, and its line where there is one', async () => {
  const shape = "must export a recipe by default: an object with a 'name' and a function 'prepare'"
  for (const [name, text] of [
    ['empty.ts', ''],
    ['number.ts', 'export default 7'],
    ['unprepared.ts', "export default { name: 'x', summary: '' }"],
    ['nameless.js', 'export default { prepare() {} }'],
  ]) {
    const path = await recipe(name, text)
    await refused([path], `${path}: ${shape}`)
  }
  const broken = await recipe('broken.ts', "export default {\n  name: 'x',\n  prepare( {\n}\n")
  await refused([broken], `${broken}:5: ParseError: Unexpected token, expected ","`)
  const throwing = await recipe('throwing.ts', "\nthrow new RangeError('out of luck')\n")
  await refused([throwing], `${throwing}:2: RangeError: out of luck`)
  const alone = await recipe('alone.ts', "import x from './gone.ts'\nexport default x\n")
  await refused([alone], `${alone}:1: Cannot find module './gone.ts'`)
})

test('what a recipe throws names its line, in whichever of its functions', async () => {
  const inside = (field: string) =>
    `import { input, mean } from 'tubelet'\nimport { tinyRecipe } from '${testRecipe('tiny')}'\n` +
    `export default tinyRecipe('x', (run) => ({\n  ${field}\n}))\n`
  for (const [name, field, message] of [
    [
      'batch',
      'batch() { return { x: run.settings.table.x } }',
      "TypeError: Cannot read properties of undefined (reading 'x')",
    ],
    [
      'shape',
      "build: () => ({ loss: mean(input('x', [2]), 4) })",
      'mean: axes must be different axes of x (got x [2], axes [4])',
    ],
    ['rate', "lr() { throw new Error('no rate') }", 'no rate'],
    ['thrown', "lr() { throw 'a string' }", 'a string'],
  ]) {
    const path = await recipe(`${name}.ts`, inside(field))
    const place = name === 'thrown' ? path : `${path}:4`
    const { code, err } = await runCli(['train', path, '-o', name], { cwd: root })
    assert.equal(code, 3)
    assert.ok(err.endsWith(`error: ${place}: ${message} [TUBELET_INPUT]\n`), err)
  }
  const path = await recipe(
    'today.ts',
    "export default {\n  name: 'x',\n  async prepare() { throw new Error('not today') },\n}\n",
  )
  await refused([path], `${path}:3: not today`)
})

test('a run whose fields are missing or cannot be meant is refused before anything is built', async () => {
  const run = "{ name: 'x', seed: 1, steps: 2, samples: 3, settings: {}, build() {}, batch() {}, lr() {} }"
  const cases: [string, string][] = [
    ['undefined', 'must be a run, not undefined'],
    [`{ ...${run}, name: 4 }`, "must have a 'name'"],
    [`{ ...${run}, batch: undefined }`, "must have a function 'batch'"],
    [`{ ...${run}, steps: 0 }`, "must have 'steps', a whole number from 1 up, not 0"],
    [`{ ...${run}, samples: '4' }`, "must have 'samples', a whole number from 1 up, not 4"],
    [`{ ...${run}, seed: -1 }`, "must have a 'seed', a whole number from 0 up, not -1"],
    [`{ ...${run}, accumulate: 1.5 }`, "must have a whole number from 1 up as 'accumulate', not 1.5"],
  ]
  for (const [i, [text, problem]] of cases.entries()) {
    const path = await recipe(`run-${i}.ts`, `export default { name: 'x', prepare: async () => (${text}) }\n`)
    await refused([path], `${path}: what 'prepare' gives ${problem}`)
  }
})

test('a batch that lacks an input, or has one of another size, is refused with what it must be', async () => {
  for (const [name, batch, message] of [
    ['lacking', '({ ...(await run.batch(step)), y: undefined })', "input 'y' is missing: it must be float32 [8, 4]"],
    [
      'short',
      '({ ...(await run.batch(step)), y: new Float32Array(3) })',
      "input 'y' must be float32 [8, 4], not Float32Array of 3",
    ],
  ]) {
    const text = `import { tinyRecipe } from '${testRecipe('tiny')}'\nexport default tinyRecipe('x', (run) => ({ batch: async (step) => ${batch} }))\n`
    const { code, err } = await runCli(['train', await recipe(`${name}.ts`, text), '-o', name], { cwd: root })
    assert.equal(code, 3)
    assert.ok(err.endsWith(`error: ${message} [TUBELET_INPUT]\n`), err)
  }
})

test('flags that contradict each other are refused in both languages', async () => {
  const recipe = testRecipe('tiny')
  for (const [flags, one, other] of [
    [['--minutes', '1', '--steps', '4'], '--minutes', '--steps'],
    [['--minutes', '1', '--dry-run'], '--minutes', '--dry-run'],
    [['--minutes', '1', '--resume', 'x'], '--minutes', '--resume'],
    [['--seed', '1', '--resume', 'x'], '--seed', '--resume'],
  ] as [string[], string, string][]) {
    await refused([recipe, ...flags], new RegExp(`^error: '.*${one}.*' cannot be used together with '${other}.*'`), 2)
    const { err } = await runCli(['train', recipe, ...flags, '--lang', 'zh'], { cwd: root })
    assert.match(err, new RegExp(`^错误：.*${one}.*${other}`))
  }
  await refused([recipe, '--steps', '0'], "'--steps' cannot be '0': it is a whole number from 1 up", 2)
  await refused(['--resume', 'nowhere'], "no run 'nowhere': no such folder with a run.json in it")
})

test('a data folder that is not there, or holds no data set, is refused with its path', async () => {
  const data = join(root, 'nowhere')
  for (const name of ['emoji-vae', 'emoji-clip']) {
    const { code, err } = await runCli(['train', name, '--data', 'nowhere', '-o', name], { cwd: root })
    assert.equal(code, 3, err)
    assert.match(err, new RegExp(`^error: [^\n]*${data}[^\n]*\\[TUBELET_INPUT\\]\n$`))
  }
})
