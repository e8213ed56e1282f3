import assert from 'node:assert/strict'
import { readdir, readFile, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { runCli, scratchFolder } from '../../test/cli.ts'
import { reproductionNames } from './reproduce.ts'
import { systems } from './system-list.ts'

const root = await scratchFolder()
const tiny = fileURLToPath(new URL('../../test/reproductions/tiny.ts', import.meta.url))
const reproduce = (...argv: string[]) => runCli(['reproduce', ...argv], { cwd: root })

test('a claim that holds is kept with its figures over all seeds, and its charts in both languages and pictures', async () => {
  const { code, out, err } = await reproduce(tiny, '-o', 'kept')
  assert.equal(code, 0, err)
  assert.match(out, /^tiny: holds \(3 seeds, 0 min\)$/m)
  assert.match(err, /tiny, seed 4: counting/)
  assert.match(err, /^number +2\.333 +1\.000 +4\.000$/m)
  assert.deepEqual(await readdir(join(root, 'kept')), [
    'tiny-curve.svg',
    'tiny-curve.zh.svg',
    'tiny-dot.png',
    'tiny.json',
  ])
  const { figures, seeds, command, holds, quick } = JSON.parse(await readFile(join(root, 'kept', 'tiny.json'), 'utf8'))
  assert.deepEqual(figures, { number: { mean: 7 / 3, low: 1, high: 4 } })
  assert.deepEqual(seeds[2], {
    seed: 4,
    figures: { number: 4 },
    series: {
      curve: [
        [1, 4],
        [2, 8],
      ],
    },
  })
  assert.deepEqual([command, holds, quick], ['tubelet reproduce tiny', true, false])
})

test('a claim that does not hold ends with code 10; in small nothing is kept', async () => {
  const { code, out } = await reproduce(tiny, '--quick')
  assert.equal(code, 10)
  assert.match(out, /^tiny: does not hold \(1 seed, 0 min\)$/m)
  assert.ok(!(await readdir(root)).includes('results'))
})

test('a run that is stopped keeps the seeds that it has measured, as long as the reproduction stays as it is', async () => {
  const source = (rest: string) => `let count = 0
export default {
  name: 'stopping', system: 'DDPM', source: 'nowhere', claim: { en: 'It ends.', zh: '它会结束。' },
  seeds: [1, 2], charts: [], holds: () => true, pictures: [{ name: 'dot', title: { en: 'A dot', zh: '一个点' } }],
  async measure({ seed, report }) {
    report('measuring')
    if (seed === 2 && process.env.TUBELET_TEST_STOP) throw new Error('the power went')
    return { figures: { seed }, series: {}, pictures: { dot: Uint8Array.of(seed) } }
  },
}
${rest}`
  const file = join(root, 'stopping.ts')
  await writeFile(file, source(''))
  process.env.TUBELET_TEST_STOP = 'yes'
  const stopped = await reproduce('./stopping.ts', '-o', 'stop')
  delete process.env.TUBELET_TEST_STOP
  assert.match(stopped.err, /the power went/)
  assert.deepEqual(
    (await readdir(join(root, 'stop'))).map((name) => name.slice(0, 11)),
    ['.measuring-'],
  )
  const { code, err } = await reproduce('./stopping.ts', '-o', 'stop')
  assert.equal(code, 0, err)
  assert.match(err, /seed 1: measured before the run was stopped/)
  assert.match(err, /seed 2: measuring/)
  const { figures, seeds } = JSON.parse(await readFile(join(root, 'stop', 'stopping.json'), 'utf8'))
  assert.deepEqual(figures.seed, { mean: 1.5, low: 1, high: 2 })
  assert.deepEqual(seeds[0], { seed: 1, figures: { seed: 1 }, series: {} })
  assert.deepEqual([...(await readFile(join(root, 'stop', 'stopping-dot.png')))], [1])
  const again = await reproduce('./stopping.ts', '-o', 'stop')
  assert.match(again.err, /seed 1: measuring/) // nothing is left over from the run that ended
})

test('a run that is stopped keeps what each network has learnt, and trains again what cannot be read', async () => {
  const learning = fileURLToPath(new URL('../../test/reproductions/learning.ts', import.meta.url))
  const measure = () => reproduce(learning, '-o', 'learnt')
  const straight = await measure()
  assert.equal(straight.code, 0, straight.err)
  const result = async () => JSON.parse(await readFile(join(root, 'learnt', 'learning.json'), 'utf8')).figures
  const figures = await result()
  const stop = async () => {
    process.env.TUBELET_TEST_STOP = 'yes'
    const stopped = await measure()
    delete process.env.TUBELET_TEST_STOP
    assert.match(stopped.err, /the power went/)
    const [folder] = (await readdir(join(root, 'learnt'))).filter((name) => name.startsWith('.measuring-'))
    const [file] = await readdir(join(root, 'learnt', folder))
    return join(root, 'learnt', folder, file)
  }
  await stop()
  const again = await measure()
  assert.doesNotMatch(again.err, /first 0/)
  assert.match(again.err, /second 0/)
  assert.deepEqual(await result(), figures)
  await truncate(await stop(), 100)
  assert.match((await measure()).err, /first 0/)
  assert.deepEqual(await result(), figures)
})

test('a figure that is no number is an error, which a run that goes on meets again', async () => {
  const file = join(root, 'endless.ts')
  await writeFile(
    file,
    `export default { name: 'endless', system: 'DDPM', source: 'nowhere', claim: { en: 'x', zh: 'x' }, seeds: [1],
  charts: [], holds: ([{ x }]) => x < 1, measure: async () => ({ figures: { x: NaN }, series: {} }) }`,
  )
  for (let i = 0; i < 2; i++) {
    const { code, err } = await reproduce(file, '-o', 'endless')
    assert.equal(code, 4)
    assert.match(err, /^error: endless, seed 1: 'x' is NaN/m)
  }
})

test('a thread that dies by an error that nobody caught stops no other', async () => {
  const source = (name: string, measure: string) =>
    `export default { name: '${name}', system: 'DDPM', source: 'nowhere', claim: { en: 'x', zh: 'x' }, seeds: [1],
  charts: [], holds: () => true, measure: ${measure} }`
  const dies = `() => new Promise(() => setTimeout(() => { throw new Error('a thread has died') }))`
  await writeFile(join(root, 'dies.ts'), source('dies', dies))
  await writeFile(join(root, 'lives.ts'), source('lives', 'async () => ({ figures: { x: 1 }, series: {} })'))
  const { code, err } = await reproduce(join(root, 'dies.ts'), join(root, 'lives.ts'), '-o', 'beside')
  assert.equal(code, 1)
  assert.match(err, /^error: a thread has died \[TUBELET_BUG\]$/m)
  assert.deepEqual(await readdir(join(root, 'beside')), ['lives.json'])
})

test('several are measured side by side, those that measure time alone after them; one that fails stops no other', async () => {
  const log = join(root, 'log.txt')
  const source = (name: string, { waits = false, timed = false, measured = '{ number: 1 }', holds = true } = {}) => `
import { appendFile, readFile } from 'node:fs/promises'
const log = (line) => appendFile(${JSON.stringify(log)}, line + '\\n')
export default {
  name: '${name}', system: 'DDPM', source: 'nowhere', claim: { en: 'It runs.', zh: '它会运行。' },
  seeds: [1, 2], charts: [], holds: () => ${holds}, timed: ${timed},
  async measure({ seed, report }) {
    if (seed === 1) await log('${name} begins')
    report('measuring')
    while (${waits} && !/one begins[^]*two begins|two begins[^]*one begins/.test(await readFile(${JSON.stringify(log)}, 'utf8')))
      await new Promise((resolve) => setTimeout(resolve, 10))
    if (seed === 2) await log('${name} ends')
    return { figures: ${measured}, series: {} }
  },
}
`
  const names = ['one', 'watch', 'two', 'broken', 'wrong']
  await writeFile(join(root, 'one.ts'), source('one', { waits: true }))
  await writeFile(join(root, 'watch.ts'), source('watch', { timed: true }))
  await writeFile(join(root, 'two.ts'), source('two', { waits: true }))
  await writeFile(join(root, 'broken.ts'), source('broken', { measured: 'missing' }))
  await writeFile(join(root, 'wrong.ts'), source('wrong', { holds: false }))
  const files = names.map((name) => `./${name}.ts`)
  const good = await reproduce(...files.slice(0, 3), '-o', 'several', '--threads', '2')
  assert.equal(good.code, 0, good.err)
  assert.deepEqual(good.out.match(/^\w+: holds \(2 seeds, 0 min\)$/gm)?.length, 3)
  assert.match(good.err, /^watch, seed 2: measuring$/m)
  const order = (await readFile(log, 'utf8')).trim().split('\n')
  assert.deepEqual(order.slice(0, 2).sort(), ['one begins', 'two begins'])
  assert.deepEqual(order.slice(4), ['watch begins', 'watch ends'])
  assert.deepEqual((await readdir(join(root, 'several'))).filter((name) => name.endsWith('.json')).sort(), [
    'one.json',
    'two.json',
    'watch.json',
  ])
  assert.equal((await reproduce(...files.slice(2, 3), './wrong.ts', '--quick')).code, 10)
  const bad = await reproduce('./broken.ts', './two.ts', '--quick', '--json')
  assert.equal(bad.code, 1)
  assert.match(bad.err, /missing is not defined/)
  assert.deepEqual(
    JSON.parse(bad.out).results.map(({ name }: { name: string }) => name),
    ['two'],
  )
})

test('what is no reproduction is refused in words', async () => {
  const none = await reproduce()
  assert.equal(none.code, 2)
  assert.match(none.err, /name a reproduction, or give --all; there is .*ddpm-mixture/)
  assert.equal((await reproduce(tiny, '--all')).code, 2)
  const unknown = await reproduce('ddpm-mixtur')
  assert.equal(unknown.code, 2)
  assert.match(unknown.err, /no reproduction 'ddpm-mixtur'; there is .*ddpm-mixture/)
  await writeFile(join(root, 'empty.ts'), 'export default {}\n')
  const empty = await reproduce('./empty.ts')
  assert.equal(empty.code, 3)
  assert.match(empty.err, /empty\.ts: must export a reproduction by default/)
})

test('every reproduction is a result that a system needs', async () => {
  const needed = systems.flatMap(({ results }) => results)
  assert.deepEqual(
    (await reproductionNames()).filter((name) => !needed.includes(name)),
    [],
  )
  assert.equal(new Set(needed).size, needed.length)
})

test('systems lists all of them, and which results are there', async () => {
  const { code, out } = await runCli(['systems'], { cwd: root })
  assert.equal(code, 0)
  for (const { name, paper } of systems) assert.ok(out.includes(name) && out.includes(paper), name)
  const { out: json } = await runCli(['systems', '--json'], { cwd: root })
  const listed: { name: string; made: string[]; results: string[]; done: boolean }[] = JSON.parse(json).systems
  assert.deepEqual(
    listed.map(({ name }) => name),
    systems.map(({ name }) => name),
  )
  for (const { made, results, done } of listed) assert.ok(!done || made.length === results.length)
})
