import { markdownTable } from '../scripts/markdown-table.ts'

/** One side of a comparison, after all rounds. */
export interface SideResult {
  readonly name: string
  readonly medianMs: number
  readonly ratio: number // tubelet's time / this one's: the median over the rounds
  readonly peakMb: number
  readonly readySeconds: number // from the start of the process to the end of its first step, less a step
  readonly error?: number // relative distance of its gradients, or result, from tubelet's in 32 bits
  readonly skipped?: undefined
}

/** A side that could not run. */
export interface SkippedSide {
  readonly name: string
  readonly skipped: string
}

/** One workload. */
export interface WorkloadResult {
  readonly name: string
  readonly title: string
  readonly parameters: number
  readonly flops: number
  readonly boundMs: number // the matrix products alone, at the speed of tubelet's
  readonly updateMs: number // AdamW with running average
  readonly sides: readonly (SideResult | SkippedSide)[]
}

/** Everything that a run found. */
export interface BenchResult {
  readonly date: string
  readonly machine: string
  readonly versions: Readonly<Record<string, string>>
  readonly threads: number
  readonly gemm: Readonly<Record<string, number>> // GFLOP/s of a product of 1024 × 1024, by side
  readonly workloads: readonly WorkloadResult[]
}

/** The result as Markdown. */
export const report = (result: BenchResult): string =>
  [
    `${result.machine}, ${result.threads} threads, ${result.date}. ${listed(result.versions)}.`,
    `Matrix product of 1024 × 1024, GFLOP/s: ${listed(result.gemm)}. ${caseOf(result.gemm)}`,
    markdownTable(
      ['step', 'side', 'median ms', 'tubelet / this', 'peak memory, MB', 'ready after, s', 'difference'],
      result.workloads.flatMap((workload) => workload.sides.map((side) => sideRow(workload, side))),
    ),
    markdownTable(
      ['step', 'parameters', 'GFLOP', 'bound, ms', 'share of the bound', 'update, ms per million parameters'],
      result.workloads.map(workloadRow),
    ),
  ].join('\n\n')

const listed = (values: Readonly<Record<string, string | number>>) =>
  Object.entries(values)
    .map(([name, value]) => `${name} ${typeof value === 'number' ? value.toFixed(0) : value}`)
    .join(', ')

/** Which of the two cases of the project's goals this machine is. */
function caseOf({ tubelet, 'torch fp32': torch }: BenchResult['gemm']): string {
  if (torch === undefined) return 'There is no PyTorch to compare with.'
  return torch < 0.75 * tubelet
    ? "PyTorch's library does not use the full speed of this processor, as MKL on AMD."
    : "PyTorch's products run at full speed."
}

function sideRow({ name }: WorkloadResult, side: SideResult | SkippedSide): string[] {
  if (side.skipped !== undefined) return [name, side.name, `skipped: ${side.skipped}`, '', '', '', '']
  const { medianMs, ratio, peakMb, readySeconds, error } = side
  const difference = error === undefined ? '' : error.toExponential(0)
  return [
    name,
    side.name,
    medianMs.toFixed(1),
    ratio.toFixed(2),
    peakMb.toFixed(0),
    readySeconds.toFixed(1),
    difference,
  ]
}

function workloadRow({ name, parameters, flops, boundMs, updateMs, sides }: WorkloadResult): string[] {
  const own = sides.find((side): side is SideResult => side.name === 'tubelet' && side.skipped === undefined)
  const share = own ? `${((100 * boundMs) / own.medianMs).toFixed(0)} %` : '–'
  const million = parameters / 1e6
  const update = (updateMs / million).toFixed(2)
  return [name, `${million.toFixed(1)} M`, (flops / 1e9).toFixed(1), boundMs.toFixed(0), share, update]
}
