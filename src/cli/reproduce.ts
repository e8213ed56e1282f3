import { readdir } from 'node:fs/promises'
import { availableParallelism, cpus } from 'node:os'
import { join } from 'node:path'
import { TubeletError } from '../errors.ts'
import { writeFileAtomic } from '../files/disk.ts'
import { gitState } from '../files/git.ts'
import { packageFolder } from '../files/shipped.ts'
import { drawChart, loadEcharts } from '../reproduce/chart.ts'
import { figureName } from '../reproduce/figure-name.ts'
import {
  type Measured,
  type Reproduction,
  type ReproductionContext,
  type Spread,
  spreads,
} from '../reproduce/reproduction.ts'
import { nodeRuntime } from '../runtime/node.ts'
import { learn } from '../train/learn.ts'
import { wholeNumber } from './arguments.ts'
import { command, exitCodes, type Shell } from './command.ts'
import { commandApart } from './command-apart.ts'
import { type MeasuredSeed, measuredSeeds } from './measured-seeds.ts'
import { packageVersion } from './package.ts'
import { placed } from './recipe-errors.ts'
import { importDefault } from './recipe-file.ts'
import { table } from './text.ts'

/** `tubelet reproduce NAME`: measures a claim of a paper, and keeps what came out. */
export const reproduceCommand = command({
  define: (command, t) =>
    command
      .argument('[names...]', t('reproduce.names'))
      .option('--all', t('reproduce.all'))
      .option('--quick', t('reproduce.quick'))
      .option('-o, --out <dir>', t('reproduce.out'))
      .option('--threads <n>', t('train.threads'), wholeNumber(t, { min: 1 })),

  async run([names], { all = false, ...options }, shell) {
    const known = await reproductionNames()
    if (all === names.length > 0)
      throw new TubeletError('usage', shell.t('reproduce.which', { names: known.join(', ') }))
    const wanted: Wanted[] = []
    for (const name of all ? known : names) wanted.push(await loadReproduction(name, shell))
    const { results, code } =
      wanted.length === 1
        ? { results: [await reproduceOne(wanted[0], options, shell)], code: exitCodes.done }
        : await reproduceSideBySide(wanted, options, shell)
    shell.result({ results }, results.map((result) => verdict(result, shell)).join('\n'))
    return code || (results.every(({ holds }) => holds) ? exitCodes.done : exitCodes.unmet)
  },
})

interface Wanted {
  readonly path: string
  readonly reproduction: Reproduction
}

interface Options {
  readonly quick?: boolean
  readonly out?: string
  readonly threads?: number
}

async function reproduceOne(
  { path, reproduction }: Wanted,
  { quick = false, out, threads }: Options,
  shell: Shell,
): Promise<ReproductionResult> {
  shell.say(`${reproduction.name}: ${reproduction.claim[shell.lang]}`)
  const to = shell.path(out ?? 'results')
  // In small it is a check and no result: it is kept only where a folder is named.
  if ((!quick || out !== undefined) && reproduction.charts.length > 0) await loadEcharts() // not after hours
  const stored = quick ? undefined : await measuredSeeds(to, path)
  const { result, pictures } = await reproduce(reproduction, { quick, threads, shell, stored })
  if (!quick || out !== undefined) await keep(result, pictures, to)
  await stored?.forget()
  shell.say(report(result, shell))
  return result
}

/**
 * Several are measured at a time, each in a thread of its own that computes with one more; small networks leave most of a
 * second core idle. Those that measure time have the machine to themselves, when the others are done. One that fails has
 * said why and does not keep the others from being measured; its exit code is told. In small no time is told.
 */
async function reproduceSideBySide(
  wanted: readonly Wanted[],
  { quick, out, threads = availableParallelism() }: Options,
  shell: Shell,
): Promise<{ results: ReproductionResult[]; code: number }> {
  const { io, lang, quiet } = shell
  const results = new Map<string, ReproductionResult>()
  let code: number = exitCodes.done
  const apart = async ({ path }: Wanted, threads: number) => {
    const flags = ['--lang', lang, '--json', ...(quiet ? ['--quiet'] : [])]
    const to = out === undefined ? [] : ['--out', shell.path(out)]
    const choices = [...(quick ? ['--quick'] : []), ...to, '--threads', `${threads}`]
    const ended = await commandApart(['reproduce', path, ...choices, ...flags], io)
    const answer: { results?: ReproductionResult[] } = ended.out ? JSON.parse(ended.out) : {}
    if (answer.results) results.set(path, answer.results[0])
    else code = ended.code
  }
  const timed = wanted.filter(({ reproduction }) => reproduction.timed && !quick)
  const waiting = wanted.filter((one) => !timed.includes(one))
  const others = Array.from({ length: threads }, async () => {
    for (let next = waiting.shift(); next && !io.signal.aborted; next = waiting.shift()) await apart(next, 1)
  })
  await Promise.all(others)
  for (const one of timed) if (!io.signal.aborted) await apart(one, threads)
  return { results: wanted.flatMap(({ path }) => results.get(path) ?? []), code }
}

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
  const state = await gitState(packageFolder)
  const commit = state?.replace(/\+.*/, '+')
  const all: MeasuredSeed[] = []
  for (const seed of quick ? reproduction.seeds.slice(0, 1) : reproduction.seeds) {
    const report = (text: string) => shell.say(shell.t('reproduce.seed', { name, seed, text }))
    const { signal } = shell.io
    const before = await stored?.read(seed)
    if (before) report(shell.t('reproduce.measured', { commit: before.commit ?? '?' }))
    const began = performance.now()
    // One that measures time is measured at once.
    const learnings = reproduction.timed ? undefined : stored?.learnings(seed, `${packageVersion()}-${state ?? 'none'}`)
    const context: ReproductionContext = {
      ...{ runtime, seed, quick, signal, report },
      learn: (config, options) => learn(config, { ...options, runtime, signal, store: learnings?.next(config) }),
    }
    const measured = before ?? {
      ...{ seed, commit, ...(await reproduction.measure(context)) },
      minutes: (performance.now() - began + (learnings?.before() ?? 0)) / 60000,
    }
    if (signal.aborted) throw new TubeletError('stopped', shell.t('reproduce.stopped', { name, seed }))
    for (const [figure, value] of Object.entries(measured.figures))
      if (!Number.isFinite(value)) throw new TubeletError('numeric', `${name}, seed ${seed}: '${figure}' is ${value}`)
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

function report({ figures }: ReproductionResult, { t, lang }: Shell): string {
  const rows = Object.entries(figures).map(([name, { mean, low, high }]) => [
    figureName(name, lang),
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
async function loadReproduction(name: string, shell: Shell): Promise<Wanted> {
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
