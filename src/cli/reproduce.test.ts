import assert from 'node:assert/strict'
import { readdir, readFile, writeFile } from 'node:fs/promises'
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

test('what is no reproduction is refused in words', async () => {
  const none = await reproduce()
  assert.equal(none.code, 2)
  assert.match(none.err, /name one reproduction, or give --all; there is .*ddpm-mixture/)
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
