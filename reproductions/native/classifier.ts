import {
  crossEntropy,
  filled,
  input,
  learn,
  type NaViTConfig,
  navit,
  nn,
  type Params,
  type Planes,
  pack,
  packPatches,
  reshape,
  warmupCosine,
} from 'tubelet'
import type { Arrays, Runtime } from 'tubelet/node'
import { classes, type Drawn, drawnPicture, native, patchSize } from './pictures.ts'

/** A picture as a run sees it: its pixels and the tokens of them that stay. */
export interface Seen {
  readonly planes: Planes
  readonly kept?: ArrayLike<number>
  readonly label: number
}

/** How the pictures of a run lie in rows. */
export interface Plan {
  readonly placed: readonly (readonly number[])[] // of the whole run, in order
  readonly length: number // tokens of a row
  readonly rows: number // in a batch
  readonly see: (i: number) => Seen
}

const patch = [1, patchSize, patchSize] as const
const most = 48 // pictures of a row

/** Rows of `length` tokens packed first fit decreasing in windows of 64. */
export const packed = (lengths: readonly number[], length: number, decreasing = true) => {
  const placed = pack(lengths, { length, window: 64, most, decreasing })
  return { placed, used: filled(placed, lengths, length) }
}

const networkConfig = (quick: boolean): NaViTConfig => ({
  imageSize: [160, 160],
  patchSize,
  channels: 1,
  classes,
  ...(quick ? { width: 48, depth: 2, hidden: 96 } : { width: 96, depth: 4, hidden: 384 }),
  heads: 4,
  headWidth: quick ? 12 : 24,
  positions: 'fractional',
})

/** The inputs of a batch, and its labels by slot; −100 where there is no picture. */
function arraysOf(groups: Plan['placed'], { length, see }: Pick<Plan, 'length' | 'see'>) {
  const seen = groups.map((group) => group.map(see))
  const flat = seen.flat()
  let next = 0
  const placed = groups.map((group) => group.map(() => next++))
  const keep = (i: number, tokens: number) => flat[i].kept ?? Int32Array.from({ length: tokens }, (_, n) => n)
  const rows = packPatches(
    flat.map(({ planes }) => planes),
    { patch, channels: 1, length, placed, keep },
  )
  const labels = Int32Array.from(
    placed.flatMap((g) => Array.from({ length: most }, (_, s) => flat[g[s]]?.label ?? -100)),
  )
  return { patches: rows.patches, down: rows.down, across: rows.across, sample: rows.sample, labels }
}

const logitsOf = (p: Params, config: NaViTConfig, rows: number, length: number) =>
  navit(p, config)(
    {
      patches: input('patches', [rows, length, patchSize ** 2]),
      rows: input('down', [rows, length]),
      columns: input('across', [rows, length]),
      sample: input('sample', [rows, length], 'int32'),
    },
    most,
  )

/** Trains on the rows of a plan, once; also tells how many pictures a second went by. */
export async function trainClassifier(
  plan: Plan,
  { runtime, seed, quick, signal }: { runtime: Runtime; seed: number; quick: boolean; signal?: AbortSignal },
) {
  const steps = Math.floor(plan.placed.length / plan.rows)
  const config = networkConfig(quick)
  const groupsOf = (step: number) => plan.placed.slice((step % steps) * plan.rows, ((step % steps) + 1) * plan.rows)
  const begin = performance.now()
  const { weights, curve } = await learn(
    {
      name: 'navit',
      seed,
      steps,
      samples: plan.rows,
      build(p) {
        const logits = logitsOf(p, config, plan.rows, plan.length)
        const labels = input('labels', [plan.rows * most], 'int32')
        return { loss: crossEntropy(reshape(logits, [-1, classes]), labels, { ignore: -100 }) }
      },
      batch: (step) => arraysOf(groupsOf(step), plan),
      lr: warmupCosine({ peak: quick ? 3e-3 : 1.5e-3, warmup: Math.ceil(steps / 10), total: steps }),
      optimizer: { weightDecay: 0.01, clip: 1 },
    },
    { runtime, signal },
  )
  const pictures = plan.placed.slice(0, steps * plan.rows).flat().length
  return { weights, curve, pictures, perSecond: (1000 * pictures) / (performance.now() - begin) }
}

/** Logits of pictures in packed rows, picture by picture. */
export async function classify(
  seen: readonly Seen[],
  { weights, runtime, quick, length }: { weights: Arrays; runtime: Runtime; quick: boolean; length: number },
): Promise<Float32Array[]> {
  const lengths = seen.map(({ planes, kept }) => kept?.length ?? (planes.height * planes.width) / patchSize ** 2)
  const { placed } = packed(lengths, length)
  const y = logitsOf(nn.params(), networkConfig(quick), 1, length)
  const program = await runtime.load({ y }, { constants: weights })
  const out: Float32Array[] = []
  for (const group of placed) {
    const { labels: _, ...arrays } = arraysOf([group], { length, see: (i) => seen[i] })
    const logits = (await program.run(arrays)).y as Float32Array
    for (const [s, i] of group.entries()) out[i] = logits.slice(s * classes, (s + 1) * classes)
  }
  await program.release()
  return out
}

/** The part of pictures never seen in training that are named right, at one side. */
export async function accuracy(
  options: Parameters<typeof classify>[1] & {
    seed: number
    side: number
    see?: (drawn: Drawn, side: number) => Planes
  },
): Promise<number> {
  const { seed, side, quick, see = native } = options
  const seen = Array.from({ length: quick ? 256 : 1024 }, (_, i) => {
    const drawn = drawnPicture(seed, 'held out', i)
    return { planes: see(drawn, side), label: drawn.label }
  })
  const logits = await classify(seen, options)
  return logits.filter((row, i) => row.indexOf(Math.max(...row)) === seen[i].label).length / seen.length
}
