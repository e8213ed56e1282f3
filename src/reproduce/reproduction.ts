import type { Runtime } from '../runtime/runtime.ts'
import type { TrainConfig } from '../train/config.ts'
import type { Learned, LearnOptions } from '../train/learn.ts'

/** Words in both languages. */
export interface Bilingual {
  readonly en: string
  readonly zh: string
}

/** What a reproduction is given for one seed. */
export interface ReproductionContext {
  readonly runtime: Runtime
  readonly seed: number
  /** The claim in small: a minute or two instead of the full size. */
  readonly quick: boolean
  readonly signal?: AbortSignal
  /** Trains to the last step; what a run that was stopped has learnt is taken up where it was. */
  readonly learn: (config: TrainConfig, options?: Pick<LearnOptions, 'every' | 'weights'>) => Promise<Learned>
  /** Called with what is being done, in plain words. */
  readonly report: (text: string) => void
}

/** What one seed measured. */
export interface Measured {
  readonly figures: Readonly<Record<string, number>>
  /** Curves by name: points [x, y]. */
  readonly series: Readonly<Record<string, readonly (readonly [x: number, y: number])[]>>
  /** Pictures by name, as PNG; those of the first seed are kept. */
  readonly pictures?: Readonly<Record<string, Uint8Array>>
}

/** One axis of a chart. */
export interface ChartAxis {
  readonly label: Bilingual
  readonly log?: boolean
}

/** A chart of some of the curves; all seeds are drawn. */
export interface Chart {
  readonly name: string
  readonly title: Bilingual
  readonly x: ChartAxis
  readonly y: ChartAxis
  /** Curves to show: their names in `series`, and what they are called. */
  readonly lines: readonly { readonly series: string; readonly label: Bilingual }[]
}

/** A picture that was made in measuring, and what it shows. */
export interface Picture {
  readonly name: string
  readonly title: Bilingual
}

/** A claim of a paper, and how it is tested here: one file of `reproductions/`. */
export interface Reproduction {
  readonly name: string
  /** Of the list that `tubelet systems` prints. */
  readonly system: string
  /** Paper and section, table or figure. */
  readonly source: string
  readonly claim: Bilingual
  readonly seeds: readonly number[]
  /** Measures time: nothing else may run beside it. */
  readonly timed?: boolean
  readonly measure: (context: ReproductionContext) => Promise<Measured>
  /** Whether the figures of the seeds, in their order, bear the claim out. */
  readonly holds: (figures: readonly Measured['figures'][], context: { readonly quick: boolean }) => boolean
  readonly charts: readonly Chart[]
  readonly pictures?: readonly Picture[]
}

/** A figure over all seeds. */
export interface Spread {
  readonly mean: number
  readonly low: number
  readonly high: number
}

/** Mean, least and most of each figure over the seeds. */
export function spreads(all: readonly Measured[]): Record<string, Spread> {
  const names = [...new Set(all.flatMap(({ figures }) => Object.keys(figures)))]
  return Object.fromEntries(
    names.map((name) => {
      const values = all.flatMap(({ figures }) => figures[name] ?? [])
      const mean = values.reduce((a, b) => a + b, 0) / values.length
      return [name, { mean, low: Math.min(...values), high: Math.max(...values) }]
    }),
  )
}
