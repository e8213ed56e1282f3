import { type Shape, size } from '../graph/index.ts'
import type { Parameter } from '../nn/index.ts'
import type { Program, Runtime } from '../runtime/runtime.ts'
import type { OptimizerConfig } from './config.ts'
import { checkFit, type Shaped } from './fit.ts'
import { type Layout, layOut } from './layout.ts'
import { type ParameterMemory, parameterMemory } from './memory.ts'
import { muonUpdates } from './muon.ts'
import { updateByAdamW, updateByMuon } from './update.ts'

/** Weights with what is needed to update them. */
export interface Optimizer {
  /** Weights as the program is fed with them, by name; buffers too. */
  readonly live: Record<string, Float32Array>
  /** Where the program writes gradients. */
  readonly gradients: Record<string, Float32Array>
  /** Sets the first weights; moments are zero. */
  start(initial: Record<string, Float32Array>): void
  /** Adds the gradients of one batch to the sum; the first batch of a step replaces it. */
  accumulate(first: boolean): void
  /**
   * One update, with the gradients times `scale`; steps count from 1. Returns the global norm of the gradient; where
   * that is not finite, nothing has been changed.
   */
  apply(update: { step: number; lr: number; scale: number }): Promise<number>
  /** Name of a parameter whose gradient holds a NaN or an infinity. */
  firstNonFinite(): string | undefined
  /** Everything that survives a stop, by `kind name`: weights, moments, averages and buffers; views of live memory. */
  arrays(): Record<string, Shaped>
  /** Takes over what `arrays` gave. Throws TubeletError('input') where it is another model's. */
  load(arrays: Readonly<Record<string, Shaped>>): void
  /** Weights by name, or their running averages; a buffer is the same in both. */
  weights(averaged: boolean): Record<string, Shaped>
  release(): Promise<void>
}

/** AdamW for most parameters, Muon for the matrices that `config.muon` names, and a running average of all. */
export async function optimizer(
  parameters: readonly Parameter[],
  config: OptimizerConfig & { readonly runtime: Runtime },
): Promise<Optimizer> {
  const { clip = Number.POSITIVE_INFINITY, ema = 0.999 } = config
  const arena = allocate(parameters, config)
  const { slots, memory, buffers, live } = arena
  const program = await muonProgram(arena, config.runtime)
  let section: 'gradients' | 'sum' = 'gradients' // which of them the next update takes

  return {
    live,
    gradients: Object.fromEntries(slots.map(({ name }) => [`gradient ${name}`, memory.view('gradients', name)])),
    start(initial) {
      for (const [name, array] of Object.entries(live)) array.set(initial[name])
      for (const { name } of slots) memory.view('average', name).set(initial[name])
    },
    accumulate(first) {
      section = 'sum'
      const sum = memory.start('sum')
      if (first) for (const { name } of slots) memory.view('sum', name).set(memory.view('gradients', name))
      else memory.kernels.add(sum, memory.start('gradients'), sum + memory.bytes)
    },
    async apply({ step, lr, scale }) {
      const begin = memory.start(section)
      const norm = Math.sqrt(memory.kernels.squares(begin, begin + memory.bytes)) * scale
      if (!Number.isFinite(norm)) return norm
      const factor = norm > clip ? (scale * clip) / norm : scale
      const update = { memory, section, step, lr, factor, ema: Math.min(ema, (1 + step) / (10 + step)) }
      updateByAdamW(arena.adamw, update, config)
      if (program) await updateByMuon(arena.muon, { ...update, program }, config)
      section = 'gradients'
      return norm
    },
    firstNonFinite: () => slots.find(({ name }) => !memory.view(section, name).every(Number.isFinite))?.name,
    arrays: () => stateArrays(arena),
    load(arrays) {
      const wanted = stateArrays(arena)
      const known = (key: string) => Object.hasOwn(live, key.slice(key.indexOf(' ') + 1))
      checkFit('the saved state', arrays, { wanted, known })
      for (const [key, { data }] of Object.entries(wanted)) data.set(arrays[key].data)
    },
    weights: (averaged) =>
      Object.fromEntries([
        ...slots.map(({ name, shape }) => [name, { data: memory.view(averaged ? 'average' : 'weights', name), shape }]),
        ...buffers.map(({ name, shape }) => [name, { data: live[name], shape }]),
      ]),
    release: async () => program?.release(),
  }
}

/** All arrays: trained parameters in one memory, section by section, and buffers beside it. */
interface Arena extends Layout {
  readonly memory: ParameterMemory
  readonly buffers: readonly { readonly name: string; readonly shape: Shape }[]
  readonly live: Record<string, Float32Array>
}

function allocate(parameters: readonly Parameter[], { muon }: OptimizerConfig): Arena {
  const slotOf = ({ name, tensor }: Parameter) => ({ name, shape: tensor.shape })
  const trained = parameters.filter((one) => one.trained).map(slotOf)
  const buffers = parameters.filter((one) => !one.trained).map(slotOf)
  const layout = layOut(trained, muon)
  const memory = parameterMemory(layout.slots, ['weights', 'gradients', 'first', 'second', 'average', 'sum'])
  const live = Object.fromEntries([
    ...trained.map(({ name }) => [name, memory.view('weights', name)]),
    ...buffers.map(({ name, shape }) => [name, new Float32Array(size(shape))]),
  ])
  return { ...layout, memory, buffers, live }
}

async function muonProgram({ muon }: Arena, runtime: Runtime) {
  if (muon.length === 0) return
  const stacks = Object.fromEntries(muon.map(({ key, stack }) => [key, stack]))
  return (await runtime.load(muonUpdates(stacks))) satisfies Program
}

/** Muon has no second moment: it uses that section as scratch memory. */
function stateArrays({ slots, adamw, memory, buffers, live }: Arena): Record<string, Shaped> {
  const sections = { weights: slots, first: slots, second: adamw.flatMap((range) => range.slots), average: slots }
  return Object.fromEntries([
    ...Object.entries(sections).flatMap(([section, list]) =>
      list.map(({ name, shape }) => [`${section} ${name}`, { data: memory.view(section, name), shape }] as const),
    ),
    ...buffers.map(({ name, shape }) => [`buffers ${name}`, { data: live[name], shape }] as const),
  ])
}
