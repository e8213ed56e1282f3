import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { availableParallelism, cpus, tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import { type CommandLine, type Server, startServer } from './process.ts'
import { type BenchResult, report, type SideResult, type SkippedSide, type WorkloadResult } from './report.ts'
import { type Workload, workloads } from './workloads.ts'

const usage = `npm run bench -- [--only NAME ...] [--rounds N] [--steps N] [--threads N] [--full-speed-mkl] [--out FILE]

Times steps of tubelet and of PyTorch 2 in turn, each in an idle process of its own, with the same weights, inputs and
gradients. A turn takes N steps, or a second's worth where that is more. TUBELET_PYTHON names a Python with torch,
diffusers, transformers and safetensors; without it PyTorch is left out. --full-speed-mkl also tries PyTorch with MKL told
that the processor is Intel's. NAME is one of
${Object.keys(workloads).join(', ')}.`

/** Difference of the gradients in 32 bits above which the sides do not compute the same. */
const tolerance = 1e-4

/** A side's turn of a round lasts about as long at least: what else a shared machine does comes and goes faster. */
const shortestTurnMs = 1000

/** Updates of the weights that are timed after each round. */
const updatesInRound = 10

const here = dirname(fileURLToPath(import.meta.url))
const python = process.env.TUBELET_PYTHON ?? 'python3'
const say = (text: string) => process.stderr.write(`${text}\n`)
const run = promisify(execFile)

interface Options {
  readonly rounds: number
  readonly steps: number
  readonly threads: number
  readonly peers: readonly Peer[]
}

/** A way to run PyTorch. */
interface Peer {
  readonly name: string
  readonly modes: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

const own = (args: readonly string[]): CommandLine => ({
  command: process.execPath,
  args: ['--import', 'tsx', '--conditions=source', join(here, 'server.ts'), ...args],
})

const theirs = ({ modes, env }: Peer, args: readonly string[]): CommandLine => ({
  command: python,
  args: [join(here, 'peer.py'), ...args, ...modes],
  env,
})

async function main() {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', multiple: true, default: Object.keys(workloads) },
      rounds: { type: 'string', default: '5' },
      steps: { type: 'string', default: '5' },
      threads: { type: 'string', default: String(availableParallelism()) },
      'full-speed-mkl': { type: 'boolean', default: false },
      out: { type: 'string', default: 'bench/result.json' },
      help: { type: 'boolean', default: false },
    },
  })
  const [rounds, steps, threads] = [values.rounds, values.steps, values.threads].map(Number)
  const unknown = values.only.find((name) => !Object.hasOwn(workloads, name))
  if (values.help || unknown || ![rounds, steps, threads].every((n) => Number.isSafeInteger(n) && n > 0)) {
    process.stdout.write(`${usage}\n`)
    process.exitCode = values.help ? 0 : 2
    return
  }
  const folder = await mkdtemp(join(tmpdir(), 'tubelet-bench-'))
  try {
    const versions = await torchVersions()
    const peers = versions.torch ? await torchPeers(folder, values['full-speed-mkl']) : []
    const options = { rounds, steps, threads, peers }
    const gemm = await gemmSpeeds(options)
    const found: WorkloadResult[] = []
    for (const name of values.only) found.push(await compare(name, { folder, gemm: gemm.tubelet, ...options }))
    const result: BenchResult = {
      date: new Date().toISOString().slice(0, 10),
      machine: cpus()[0]?.model.trim() ?? 'unknown processor',
      versions: { node: process.versions.node, ...versions },
      ...{ threads, gemm, workloads: found },
    }
    await mkdir(dirname(resolve(values.out)), { recursive: true })
    await writeFile(values.out, `${JSON.stringify(result, null, 1)}\n`)
    process.stdout.write(`${report(result)}\n`)
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** Versions of the Python packages, or why there are none. */
async function torchVersions(): Promise<Record<string, string>> {
  const script =
    'import json, torch, diffusers, transformers, safetensors;' +
    'print(json.dumps({"torch": torch.__version__, "diffusers": diffusers.__version__}))'
  try {
    return JSON.parse((await run(python, ['-c', script])).stdout)
  } catch (error) {
    const reason = String((error as { stderr?: string }).stderr || (error as Error).message)
    say(`PyTorch is left out: ${python}: ${reason.trim().split('\n').at(-1)}`)
    return {}
  }
}

async function torchPeers(folder: string, fullSpeed: boolean): Promise<Peer[]> {
  const ways = [[], ['compile'], ['bf16'], ['compile', 'bf16']]
  const plain = ways.map((modes) => ({ name: nameOf(modes), modes }))
  if (!fullSpeed) return plain
  // Intel's library asks this function whether to use the wide registers.
  const source = join(folder, 'intel.c')
  await writeFile(source, 'int mkl_serv_intel_cpu_true() { return 1; }\n')
  const library = join(folder, 'intel.so')
  await run('cc', ['-shared', '-fPIC', '-o', library, source])
  const fast = ways.slice(0, 2).map((modes) => ({
    ...{ name: `${nameOf(modes)}, MKL at full speed`, modes, env: { LD_PRELOAD: library } },
  }))
  return [...plain, ...fast]
}

const nameOf = (modes: readonly string[]) =>
  `torch ${modes.includes('compile') ? 'compile' : 'eager'} ${modes.includes('bf16') ? 'bf16' : 'fp32'}`

/** GFLOP/s of each side, in turn; the best median of the rounds. */
async function gemmSpeeds({ rounds, threads, peers }: Options): Promise<Record<string, number>> {
  const products = peers.filter(({ modes }) => !modes.includes('compile'))
  const lines = new Map([['tubelet', own(['gemm', '-', String(threads)])]])
  for (const peer of products) lines.set(peer.name.replace(' eager', ''), theirs(peer, ['gemm', String(threads)]))
  const servers = await Promise.all([...lines].map(async ([name, line]) => [name, await startServer(line)] as const))
  const best: Record<string, number> = {}
  for (let i = 0; i < rounds; i++)
    for (const [name, server] of servers) {
      const speed = (2 * 1024 ** 3) / (median((await server.run(20)).ms) * 1e6)
      best[name] = Math.max(best[name] ?? 0, speed)
    }
  for (const [, server] of servers) await server.stop()
  return best
}

/** One workload: files are written, processes started one after another, then rounds in turn. */
async function compare(name: string, options: Options & { folder: string; gemm: number }): Promise<WorkloadResult> {
  const { rounds, steps, threads, gemm } = options
  const workload = workloads[name]
  say(workload.title)
  const folder = join(options.folder, name)
  await mkdir(folder)
  const writer = await startServer(own([name, folder, String(threads), 'write']))
  const { parameters, flops } = writer.ready as unknown as { parameters: number; flops: number }
  const lines = new Map([['tubelet', own([name, folder, String(threads)])]])
  for (const peer of peersFor(workload, options.peers)) lines.set(peer.name, theirs(peer, [folder, String(threads)]))
  const { servers, skipped } = await startAll(lines)
  const times = new Map<string, number[][]>([...servers.keys()].map((side) => [side, []]))
  const peak = new Map<string, number>()
  const turn = Math.max(steps, Math.ceil(shortestTurnMs / median((await servers.get('tubelet')!.run(steps)).ms)))
  const updates: number[] = []
  for (let i = 0; i < rounds; i++) {
    for (const [side, server] of servers) {
      const { ms, peakMb } = await server.run(turn)
      times.get(side)!.push([...ms])
      peak.set(side, peakMb)
    }
    updates.push(...(await writer.run(updatesInRound)).ms)
  }
  for (const server of [writer, ...servers.values()]) await server.stop()
  await rm(folder, { recursive: true })
  const medians = (side: string) => times.get(side)!.map(median)
  const ours = medians('tubelet')
  const sides = [...servers].map(([side, { ready, readySeconds }]): SideResult => {
    const ratio = median(medians(side).map((ms, i) => ours[i] / ms))
    const { error } = ready
    const medianMs = median(times.get(side)!.flat())
    return {
      name: side,
      medianMs,
      ratio,
      peakMb: peak.get(side)!,
      readySeconds: readySeconds - medianMs / 1000, // its first line comes after a step
      error,
    }
  })
  return {
    ...{ name, title: workload.title, parameters, flops },
    ...{ boundMs: flops / gemm / 1e6, updateMs: median(updates), sides: [...sides, ...skipped] },
  }
}

const peersFor = ({ convolutional }: Workload, peers: readonly Peer[]): readonly Peer[] => {
  const last = (peer: Peer): Peer => ({
    ...peer,
    name: `${peer.name}, channels last`,
    modes: [...peer.modes, 'channels_last'],
  })
  return convolutional ? peers.flatMap((peer) => [peer, last(peer)]) : peers
}

/** Starts processes one after another, so that none disturbs the start of another. */
async function startAll(lines: ReadonlyMap<string, CommandLine>) {
  const servers = new Map<string, Server>()
  const skipped: SkippedSide[] = []
  for (const [name, line] of lines) {
    try {
      const server = await startServer(line)
      const { error } = server.ready
      if (name !== 'tubelet' && error !== undefined && !name.includes('bf16') && !(error <= tolerance)) {
        await server.stop()
        throw new Error(`its answers are ${error.toExponential(1)} away from tubelet's, more than ${tolerance}`)
      }
      servers.set(name, server)
    } catch (error) {
      if (name === 'tubelet') throw error
      skipped.push({ name, skipped: (error as Error).message })
    }
    say(`  ${name}: ${skipped.find((one) => one.name === name)?.skipped ?? 'ready'}`)
  }
  return { servers, skipped }
}

function median(list: readonly number[]): number {
  const sorted = [...list].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

await main()
