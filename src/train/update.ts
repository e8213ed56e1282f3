import type { Program } from '../runtime/runtime.ts'
import type { OptimizerConfig } from './config.ts'
import type { MuonRange, Range } from './layout.ts'
import type { ParameterMemory } from './memory.ts'
import { muonScale } from './muon.ts'

/** One update of weights that lie in sections of a memory. */
export interface Update {
  readonly memory: ParameterMemory
  readonly section: string // where the gradients are
  readonly step: number // counted from 1
  readonly lr: number
  readonly factor: number // of the gradients
  readonly ema: number // decay of the running average
}

const startOf = (memory: ParameterMemory, section: string, { slots }: Range) => memory.start(section, slots[0].name)

/** Moments, weights and averages in one pass over each range (Loshchilov & Hutter 2019, algorithm 2). */
export function updateByAdamW(
  ranges: readonly (Range & { readonly decayed: boolean })[],
  { memory, section, step, lr, factor, ema }: Update,
  { beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weightDecay = 0.01 }: OptimizerConfig,
): void {
  const rate = lr / (1 - beta1 ** step)
  const root = 1 / Math.sqrt(1 - beta2 ** step)
  // Backwards, as the kernel goes.
  for (const range of ranges.toReversed()) {
    const keep = range.decayed ? 1 - lr * weightDecay : 1
    const [w, g, m, v, e] = ['weights', section, 'first', 'second', 'average'].map((name) =>
      startOf(memory, name, range),
    )
    memory.kernels.adamw(w, g, m, v, e, w + range.bytes, factor, beta1, beta2, keep, rate, root, eps, ema)
  }
}

/** Momentum, orthogonalisation of each stack, and the step along it. The section of second moments is scratch memory. */
export async function updateByMuon(
  ranges: readonly MuonRange[],
  { memory, section, lr, factor, ema, program }: Update & { readonly program: Program },
  { momentum = 0.95, muonRate = 1, weightDecay = 0.01 }: OptimizerConfig,
): Promise<void> {
  for (const range of ranges) {
    const [g, m, u] = [section, 'first', 'second'].map((name) => startOf(memory, name, range))
    memory.kernels.momentum(g, m, u, g + range.bytes, factor, momentum)
  }
  const stacks = (name: string) =>
    Object.fromEntries(ranges.map(({ key, slots, bytes }) => [key, memory.span(name, slots[0].name, bytes)]))
  await program.run(stacks('second'), stacks(section)) // the gradients have done their work: their place takes the result
  const rate = lr * muonRate
  for (const range of ranges) {
    const [, rows, columns] = range.stack
    const [w, u, e] = ['weights', section, 'average'].map((name) => startOf(memory, name, range))
    const keep = 1 - rate * weightDecay
    memory.kernels.descend(w, u, e, w + range.bytes, keep, rate * muonScale(rows, columns), ema)
  }
}
