import { type Shape, size } from '../graph/index.ts'
import type { Parameter } from '../nn/index.ts'
import type { Program, Runtime } from '../runtime/runtime.ts'
import { type ParameterMemory, padded, parameterMemory, type Slot } from './memory.ts'
import { type MatrixStack, muonScale, muonUpdates } from './muon.ts'

/** How weights follow their gradients. */
export interface OptimizerConfig {
  readonly beta1?: number // AdamW's decay of the mean gradient
  readonly beta2?: number // AdamW's decay of the mean squared gradient
  readonly eps?: number
  readonly weightDecay?: number // decoupled, for matrices and kernels; gains, biases and scalars have none
  readonly clip?: number // largest global norm of the gradient
  readonly ema?: number // decay of the running average of the weights; it starts lower, as (1 + step) / (10 + step)
  /** Whether a matrix follows Muon; others follow AdamW. */
  readonly muon?: (name: string, shape: Shape) => boolean
  readonly momentum?: number // Muon's
  readonly muonRate?: number // Muon's learning rate as a multiple of AdamW's
}

/** Array kinds of the state, by their name in a checkpoint. */
const sections = ['weights', 'gradients', 'first', 'second', 'average', 'sum'] as const

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
  /** Name of a parameter whose gradient holds a NaN or an infinity. */
  firstNonFinite(): string | undefined
  /** One update. Returns the global norm of the gradient. */
  apply(step: { step: number; lr: number; scale: number }): Promise<number>
  arrays(): Record<string, { data: Float32Array; shape: Shape }>
  load(arrays: Record<string, { data: Float32Array }>): void
  weights(averaged: boolean): Record<string, { data: Float32Array; shape: Shape }>
  release(): Promise<void>
}

/** A run of slots that are updated alike. */
interface Range {
  readonly first: string
  readonly bytes: number
}

interface Group extends Range {
  readonly key: string
  readonly stack: MatrixStack
}

/** AdamW for most parameters, Muon for the matrices that `config.muon` names, and a running average of all. */
export async function optimizer(
  parameters: readonly Parameter[],
  config: OptimizerConfig & { readonly runtime: Runtime; readonly spin?: boolean },
): Promise<Optimizer> {
  const {
    beta1 = 0.9,
    beta2 = 0.999,
    eps = 1e-8,
    weightDecay = 0.01,
    clip,
    ema = 0.999,
    momentum = 0.95,
    muonRate = 1,
  } = config
  const trained = parameters.filter((one) => one.trained)
  const { slots, adamw, muon } = layOut(trained, config)
  const memory = parameterMemory(slots, sections)
  const program =
    muon.length > 0
      ? await config.runtime.load(muonUpdates(Object.fromEntries(muon.map((g) => [g.key, g.stack]))), { spin: config.spin })
      : undefined
  const buffers = Object.fromEntries(
    parameters.filter((one) => !one.trained).map((one) => [one.name, new Float32Array(size(one.tensor.shape))]),
  )
  const views = (section: string) => Object.fromEntries(slots.map(({ name }) => [name, memory.view(section, name)]))
  const live: Record<string, Float32Array> = { ...views('weights'), ...buffers }
  const at = (section: string, range: Range) => memory.start(section) + memory.offset(range.first)
  let summed = false
  const gradientSection = () => (summed ? 'sum' : 'gradients')
  const squares = () =>
    memory.kernels.squares(memory.start(gradientSection()), memory.start(gradientSection()) + memory.bytes)

  return {
    live,
    gradients: Object.fromEntries(slots.map(({ name }) => [`gradient ${name}`, memory.view('gradients', name)])),
    start(initial) {
      for (const [name, array] of Object.entries(live)) array.set(initial[name])
      for (const { name } of slots) memory.view('average', name).set(initial[name])
    },
    accumulate(first) {
      summed = true
      const target = memory.start('sum')
      if (first) for (const { name } of slots) memory.view('sum', name).set(memory.view('gradients', name))
      else memory.kernels.add(target, memory.start('gradients'), target + memory.bytes)
    },
    firstNonFinite: () =>
      Number.isFinite(squares())
        ? undefined
        : slots.find(({ name }) => memory.view(gradientSection(), name).some((g) => !Number.isFinite(g)))?.name,
    async apply({ step, lr, scale }) {
      const norm = Math.sqrt(squares()) * scale
      const factor = clip !== undefined && norm > clip ? (scale * clip) / norm : scale
      const decay = Math.min(ema, (1 + step) / (10 + step))
      const root = 1 / Math.sqrt(1 - beta2 ** step)
      for (const { decayed, ...range } of adamw) {
        const [w, g, m, v, e] = ['weights', gradientSection(), 'first', 'second', 'average'].map((section) =>
          at(section, range),
        )
        const keep = decayed ? 1 - lr * weightDecay : 1
        memory.kernels.adamw(
          w,
          g,
          m,
          v,
          e,
          w + range.bytes,
          factor,
          beta1,
          beta2,
          keep,
          lr / (1 - beta1 ** step),
          root,
          eps,
          decay,
        )
      }
      if (program)
        await applyMuon({
          memory,
          program,
          groups: muon,
          section: gradientSection(),
          factor,
          momentum,
          rate: lr * muonRate,
          weightDecay,
          decay,
        })
      summed = false
      return norm
    },
    arrays: () => stateArrays(memory, slots, buffers),
    load(arrays) {
      for (const [key, { data }] of Object.entries(stateArrays(memory, slots, buffers))) data.set(arrays[key].data)
    },
    weights: (averaged) =>
      Object.fromEntries([
        ...slots.map(({ name, shape }) => [name, { data: memory.view(averaged ? 'average' : 'weights', name), shape }]),
        ...Object.entries(buffers).map(([name, data]) => [name, { data, shape: [data.length] }]),
      ]),
    release: async () => program?.release(),
  }
}

/** Everything that survives a stop, by `kind name`; Muon keeps no second moment. */
function stateArrays(
  memory: ParameterMemory,
  slots: readonly { name: string; shape: Shape }[],
  buffers: Record<string, Float32Array>,
) {
  const kept = ['weights', 'first', 'second', 'average'] as const
  return Object.fromEntries([
    ...kept.flatMap((section) =>
      slots.map(({ name, shape }) => [`${section} ${name}`, { data: memory.view(section, name), shape }]),
    ),
    ...Object.entries(buffers).map(([name, data]) => [`buffers ${name}`, { data, shape: [data.length] }]),
  ]) as Record<string, { data: Float32Array; shape: Shape }>
}

/** A matrix of the given shape; a kernel [out, in, ...] counts as [out, in · ...]. */
const matrixShape = (shape: Shape): [number, number] => [shape[0], size(shape.slice(1))]

/** Orders the parameters so that those that are updated alike follow each other. */
function layOut(trained: readonly Parameter[], { muon = () => false }: OptimizerConfig) {
  const slots = trained.map(({ name, tensor }) => ({ name, shape: tensor.shape }))
  const isMuon = ({ name, shape }: { name: string; shape: Shape }) =>
    shape.length >= 2 && size(shape) % 16 === 0 && muon(name, shape)
  const decayed = slots.filter((slot) => !isMuon(slot) && slot.shape.length >= 2)
  const plain = slots.filter((slot) => !isMuon(slot) && slot.shape.length < 2)
  const stacks = new Map<string, Slot[]>()
  for (const slot of slots.filter(isMuon)) {
    const key = matrixShape(slot.shape).join('x')
    stacks.set(key, [...(stacks.get(key) ?? []), slot])
  }
  const bytes = (list: readonly { shape: Shape }[]) => list.reduce((total, { shape }) => total + padded(shape), 0)
  const range = (list: readonly { name: string; shape: Shape }[]) => ({ first: list[0].name, bytes: bytes(list) })
  const muonGroups: Group[] = [...stacks].map(([key, list]) => ({
    key,
    ...range(list),
    stack: [list.length, ...matrixShape(list[0].shape)],
  }))
  return {
    slots: [...decayed, ...plain, ...[...stacks.values()].flat()],
    adamw: [
      ...(decayed.length > 0 ? [{ ...range(decayed), decayed: true }] : []),
      ...(plain.length > 0 ? [{ ...range(plain), decayed: false }] : []),
    ],
    muon: muonGroups,
  }
}

interface MuonStep {
  readonly memory: ParameterMemory
  readonly program: Program
  readonly groups: readonly Group[]
  readonly section: string
  readonly factor: number
  readonly momentum: number
  readonly rate: number
  readonly weightDecay: number
  readonly decay: number
}

/** Momentum, orthogonalisation of each stack, and the step along it. The section of second moments serves as scratch. */
async function applyMuon({ memory, program, groups, section, factor, momentum, rate, weightDecay, decay }: MuonStep) {
  const feeds: Record<string, Float32Array> = {}
  for (const { key, first, bytes } of groups) {
    const at = (name: string) => memory.start(name) + memory.offset(first)
    memory.kernels.momentum(at(section), at('first'), at('second'), at(section) + bytes, factor, momentum)
    feeds[key] = memory.span('second', first, bytes / 4)
  }
  const into = Object.fromEntries(groups.map(({ key, first, bytes }) => [key, memory.span(section, first, bytes / 4)]))
  await program.run(feeds, into)
  for (const { first, bytes, stack } of groups) {
    const at = (name: string) => memory.start(name) + memory.offset(first)
    memory.kernels.descend(
      at('weights'),
      at(section),
      at('average'),
      at('weights') + bytes,
      1 - rate * weightDecay,
      rate * muonScale(stack[1], stack[2]),
      decay,
    )
  }
}
