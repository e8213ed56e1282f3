import { TubeletError } from '../errors.ts'
import { backwardMark, nodesOf, type Tensor } from '../graph/index.ts'

/** Time, work and memory of some nodes of a program, in one run. */
export interface ProfileRow {
  readonly name: string
  readonly nodes: number // that the engine runs
  readonly ms: number // sum of each node's median over the runs
  readonly backwardMs: number // the share of it that belongs to gradients
  readonly flops: number // of matrix products and convolutions
  readonly bytes: number // written by the nodes
}

/** What a trace says, by op kind and by module, the slowest first. */
export interface Profile {
  readonly ops: readonly ProfileRow[]
  readonly modules: readonly ProfileRow[]
  readonly total: ProfileRow
}

/** How a trace is read. */
export interface ProfileOptions {
  readonly warmup?: number // first runs that do not count; 1
  readonly depth?: number // parts of a module's path that are told apart; all where absent
}

/** One node with its place in the graph: `module/op/Type.number`, as the exporter names it. */
interface Measured {
  readonly module: string
  readonly op: string
  readonly backward: boolean
  readonly ms: readonly number[]
  readonly bytes: number
}

/**
 * Reads the trace file of a program and adds up its nodes. `outputs` are those that the program was loaded with: the
 * graph knows the floating-point operations. Throws TubeletError('input') where the text is no trace of the engine.
 */
export function profileOf(trace: string, outputs: readonly Tensor[], options: ProfileOptions = {}): Profile {
  const { warmup = 1, depth = Number.POSITIVE_INFINITY } = options
  const nodes = measured(eventsIn(trace))
  const flops = flopsOf(outputs)
  const cut = (module: string) => module.split('.').slice(0, depth).join('.')
  const times = (one: Measured) => median(one.ms.slice(Math.min(warmup, one.ms.length - 1)))
  const rows = (nameOf: (module: string, op: string) => string): ProfileRow[] => {
    const groups = grouped(nodes, ({ module, op }) => nameOf(module, op))
    const work = grouped(flops, ({ module, op }) => nameOf(module, op))
    const found = [...groups].map(([name, list]) => ({
      name,
      nodes: list.length,
      ms: sum(list.map(times)),
      backwardMs: sum(list.filter(({ backward }) => backward).map(times)),
      flops: sum((work.get(name) ?? []).map((one) => one.flops)),
      bytes: sum(list.map(({ bytes }) => bytes)),
    }))
    return found.sort((a, b) => b.ms - a.ms)
  }
  const [total] = rows(() => '')
  return { ops: rows((_, op) => op), modules: rows(cut), total }
}

interface TraceEvent {
  readonly cat?: unknown
  readonly name: string
  readonly dur: number // microseconds
  readonly args: { readonly output_size?: string }
}

function eventsIn(trace: string): TraceEvent[] {
  let found: unknown
  try {
    found = JSON.parse(trace)
  } catch {
    found = undefined
  }
  const events = Array.isArray(found) ? (found as Partial<TraceEvent>[]).filter(isKernel) : []
  if (events.length === 0) throw new TubeletError('input', 'the trace file holds no node of a program that ran')
  return events
}

const kernel = '_kernel_time'
const isKernel = (event: Partial<TraceEvent>): event is TraceEvent =>
  event?.cat === 'Node' && String(event.name).endsWith(kernel) && Number.isFinite(event.dur)

function measured(events: readonly TraceEvent[]): Measured[] {
  const byName = grouped(events, ({ name }) => name.slice(0, -kernel.length))
  return [...byName].map(([name, list]) => {
    const [scope, op] = /^(.*)\/([^/]*)\/[^/]*$/.exec(name)?.slice(1) ?? ['', name]
    const ms = list.map(({ dur }) => dur / 1000)
    return { ...placeOf(scope), op, ms, bytes: Number(list[0].args?.output_size ?? 0) }
  })
}

const placeOf = (scope: string) => {
  const backward = scope.endsWith(backwardMark)
  return { module: backward ? scope.slice(0, -backwardMark.length) : scope, backward }
}

/** Floating-point operations of the graph's nodes. */
const flopsOf = (outputs: readonly Tensor[]) =>
  nodesOf(outputs).flatMap((node) => {
    const flops = node.op.flops?.(node) ?? 0
    return flops > 0 ? [{ module: placeOf(node.scope).module, op: node.op.name, flops }] : []
  })

function grouped<T>(list: readonly T[], nameOf: (one: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const one of list) {
    const name = nameOf(one)
    const group = groups.get(name)
    if (group) group.push(one)
    else groups.set(name, [one])
  }
  return groups
}

const sum = (list: readonly number[]) => list.reduce((a, b) => a + b, 0)

const median = (list: readonly number[]) => {
  const sorted = list.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}
