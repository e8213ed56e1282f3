import { readdir } from 'node:fs/promises'
import { availableParallelism, cpus } from 'node:os'
import { join } from 'node:path'
import { TubeletError } from '../errors.ts'
import { writeFileAtomic } from '../files/disk.ts'
import { gitCommit } from '../files/git.ts'
import { drawChart } from '../reproduce/chart.ts'
import { type Measured, type Reproduction, type Spread, spreads } from '../reproduce/reproduction.ts'
import { nodeRuntime } from '../runtime/node.ts'
import { wholeNumber } from './arguments.ts'
import { command, exitCodes, type Shell } from './command.ts'
import { type MeasuredSeed, measuredSeeds } from './measured-seeds.ts'
import { packageFolder, packageVersion } from './package.ts'
import { placed } from './recipe-errors.ts'
import { importDefault } from './recipe-file.ts'
import { table } from './text.ts'

/** `tubelet reproduce NAME`: measures a claim of a paper, and keeps what came out. */
export const reproduceCommand = command({
  define: (command, t) =>
    command
      .argument('[name]', t('reproduce.name'))
      .option('--all', t('reproduce.all'))
      .option('--quick', t('reproduce.quick'))
      .option('-o, --out <dir>', t('reproduce.out'))
      .option('--threads <n>', t('train.threads'), wholeNumber(t, { min: 1 })),

  async run([name], { all = false, quick = false, out, threads }, shell) {
    const known = await reproductionNames()
    if (all === (name !== undefined))
      throw new TubeletError('usage', shell.t('reproduce.which', { names: known.join(', ') }))
    const results: ReproductionResult[] = []
    for (const one of all ? known : [name as string]) {
      const { path, reproduction } = await loadReproduction(one, shell)
      shell.say(`${one}: ${reproduction.claim[shell.lang]}`)
      const to = shell.path(out ?? 'results')
      // In small it is a check and no result: it is kept only where a folder is named.
      const stored = quick ? undefined : await measuredSeeds(to, path)
      const { result, pictures } = await reproduce(reproduction, { quick, threads, shell, stored })
      if (!quick || out !== undefined) await keep(result, pictures, to)
      await stored?.forget()
      shell.say(report(result, shell))
      results.push(result)
    }
    shell.result({ results }, results.map((result) => verdict(result, shell)).join('\n'))
    return results.every(({ holds }) => holds) ? exitCodes.done : exitCodes.unmet
  },
})

/** What `results/NAME.json` holds. */
export interface ReproductionResult {
  readonly name: string
  readonly system: string
  readonly source: string
  readonly claim: Reproduction['claim']
  readonly holds: boolean
  readonly quick: boolean
  readonly command: string
  readonly figures: Readonly<Record<string, Spread>>
  readonly charts: Reproduction['charts']
  readonly pictures: NonNullable<Reproduction['pictures']>
  readonly seeds: readonly (Omit<Measured, 'pictures'> & { readonly seed: number })[]
  readonly minutes: number
  readonly machine: string
  readonly date: string
  readonly versions: { readonly tubelet: string; readonly node: string; readonly commit?: string }
}

interface Measuring {
  readonly quick: boolean
  readonly threads?: number
  readonly shell: Shell
  readonly stored?: Awaited<ReturnType<typeof measuredSeeds>>
}

async function reproduce(
  reproduction: Reproduction,
  { quick, threads, shell, stored }: Measuring,
): Promise<{ result: ReproductionResult; pictures: Readonly<Record<string, Uint8Array>> }> {
  const { name, system, source, claim, charts, pictures = [] } = reproduction
  const runtime = nodeRuntime({ threads })
  const commit = await gitCommit(packageFolder)
  const all: MeasuredSeed[] = []
  for (const seed of quick ? reproduction.seeds.slice(0, 1) : reproduction.seeds) {
    const report = (text: string) => shell.say(shell.t('reproduce.seed', { name, seed, text }))
    const { signal } = shell.io
    const before = await stored?.read(seed)
    if (before) report(shell.t('reproduce.measured', { commit: before.commit ?? '?' }))
    const began = performance.now()
    const measured = before ?? {
      ...{ seed, commit, ...(await reproduction.measure({ runtime, seed, quick, signal, report })) },
      minutes: (performance.now() - began) / 60000,
    }
    if (signal.aborted) throw new TubeletError('stopped', shell.t('reproduce.stopped', { name, seed }))
    if (!before) await stored?.keep(measured)
    all.push(measured)
  }
  const seeds = all.map(({ seed, figures, series }) => ({ seed, figures, series }))
  const result = {
    ...{ name, system, source, claim },
    holds: reproduction.holds(
      seeds.map(({ figures }) => figures),
      { quick },
    ),
    quick,
    command: `tubelet reproduce ${name}${quick ? ' --quick' : ''}`,
    ...{ figures: spreads(seeds), charts, pictures, seeds },
    minutes: Math.round(all.reduce((sum, { minutes }) => sum + minutes, 0) * 10) / 10,
    machine: `${availableParallelism()} × ${cpus()[0]?.model.trim()}`,
    date: new Date().toISOString().slice(0, 10),
    versions: { tubelet: packageVersion(), node: process.version, commit: commitsOf(all) },
  }
  return { result, pictures: all[0].pictures ?? {} }
}

/** The commit, or all of them where a run was stopped and went on at another. */
const commitsOf = (seeds: readonly MeasuredSeed[]): string | undefined =>
  [...new Set(seeds.flatMap(({ commit }) => commit ?? []))].join(', ') || undefined

/** Writes the result, then its charts in both languages and its pictures. */
async function keep(
  result: ReproductionResult,
  drawn: Readonly<Record<string, Uint8Array>>,
  folder: string,
): Promise<void> {
  const { name, charts, pictures, seeds } = result
  await writeFileAtomic(join(folder, `${name}.json`), `${JSON.stringify(result, null, 1)}\n`)
  for (const chart of charts)
    for (const lang of ['en', 'zh'] as const) {
      const file = `${name}-${chart.name}${lang === 'zh' ? '.zh' : ''}.svg`
      await writeFileAtomic(join(folder, file), await drawChart(chart, seeds, lang))
    }
  for (const { name: picture } of pictures)
    await writeFileAtomic(join(folder, `${name}-${picture}.png`), drawn[picture])
}

const digits = (value: number): string => (Math.abs(value) >= 1000 ? value.toFixed(0) : value.toPrecision(4))

function report({ figures }: ReproductionResult, { t }: Shell): string {
  const rows = Object.entries(figures).map(([name, { mean, low, high }]) => [
    name,
    digits(mean),
    digits(low),
    digits(high),
  ])
  return table([t('reproduce.figure'), t('reproduce.mean'), t('reproduce.low'), t('reproduce.high')], rows)
}

const verdict = ({ name, holds, minutes, seeds }: ReproductionResult, { t }: Shell): string =>
  t(holds ? 'reproduce.holds' : 'reproduce.fails', { name, minutes, count: seeds.length })

const folder = join(packageFolder, 'reproductions')

/** Names of all that the package brings. */
export const reproductionNames = async (): Promise<string[]> =>
  (await readdir(folder)).flatMap((file) => /^(.+)\.ts$/.exec(file)?.[1] ?? []).sort()

/** One that the package brings, by its name, or one of the user's own, by its file. */
async function loadReproduction(name: string, shell: Shell): Promise<{ path: string; reproduction: Reproduction }> {
  const own = /[\\/.]/.test(name)
  const known = await reproductionNames()
  if (!own && !known.includes(name))
    throw new TubeletError('usage', `no reproduction '${name}'; there is ${known.join(', ')}, or a file of your own`)
  const path = own ? shell.path(name) : join(folder, `${name}.ts`)
  const found = await placed(path, () => importDefault<Partial<Reproduction> | undefined>(path))
  if (typeof found?.name !== 'string' || typeof found.measure !== 'function' || typeof found.holds !== 'function')
    throw new TubeletError(
      'input',
      `${path}: must export a reproduction by default, with 'name', 'measure' and 'holds'`,
    )
  return { path, reproduction: found as Reproduction }
}
