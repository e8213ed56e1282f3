import { type Shape, size } from '../graph/index.ts'
import { padded, type Slot } from './memory.ts'
import type { MatrixStack } from './muon.ts'

/** Parameters that follow each other in memory and are updated alike. */
export interface Range {
  readonly slots: readonly Slot[]
  readonly bytes: number
}

/** Matrices of one shape: Newton-Schulz takes them as one stack. */
export interface MuonRange extends Range {
  readonly key: string
  readonly stack: MatrixStack
}

/** How parameters lie in memory. */
export interface Layout {
  readonly slots: readonly Slot[] // all, in order
  readonly adamw: readonly (Range & { readonly decayed: boolean })[]
  readonly muon: readonly MuonRange[]
}

/**
 * Orders parameters so that those that are updated alike follow each other: matrices and kernels under weight decay,
 * gains and biases without, then Muon's matrices by shape. A matrix whose size is no multiple of 16 stays with AdamW,
 * as the padding behind it would lie inside its stack.
 */
export function layOut(slots: readonly Slot[], muon: (name: string, shape: Shape) => boolean = () => false): Layout {
  const isMuon = ({ name, shape }: Slot) => shape.length >= 2 && size(shape) % 16 === 0 && muon(name, shape)
  const isMatrix = ({ shape }: Slot) => shape.length >= 2
  const rest = slots.filter((slot) => !isMuon(slot))
  const adamw = [
    { ...range(rest.filter(isMatrix)), decayed: true },
    { ...range(rest.filter((slot) => !isMatrix(slot))), decayed: false },
  ].filter(({ bytes }) => bytes > 0)
  const stacks = new Map<string, Slot[]>()
  for (const slot of slots.filter(isMuon)) {
    const key = matrixShape(slot.shape).join('x')
    stacks.set(key, [...(stacks.get(key) ?? []), slot])
  }
  const ranges = [...stacks].map(([key, list]): MuonRange => {
    return { ...range(list), key, stack: [list.length, ...matrixShape(list[0].shape)] }
  })
  return { slots: [...adamw, ...ranges].flatMap((one) => one.slots), adamw, muon: ranges }
}

const range = (slots: readonly Slot[]): Range => ({
  slots,
  bytes: slots.reduce((total, { shape }) => total + padded(shape), 0),
})

/** A matrix of the given shape; a kernel [out, in, ...] counts as [out, in · ...]. */
const matrixShape = (shape: Shape): [number, number] => [shape[0], size(shape.slice(1))]
