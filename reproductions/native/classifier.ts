import {
  filled,
  input,
  type LabelledPlanes,
  labelledRows,
  type NaViTConfig,
  navit,
  navitInputs,
  navitLoss,
  type Planes,
  pack,
  packedLogits,
  type ReproductionContext,
  warmupCosine,
} from 'tubelet'
import type { Arrays, Runtime } from 'tubelet/node'
import { classes, type Drawn, drawnPicture, native, patchSize } from './pictures.ts'

/** How the pictures of a run lie in rows. */
export interface Plan {
  readonly placed: readonly (readonly number[])[] // of the whole run, in order
  readonly length: number // tokens of a row
  readonly rows: number // in a batch
  readonly see: (i: number) => LabelledPlanes
}

const slots = 48 // pictures of a row

/** Rows of `length` tokens packed first fit decreasing in windows of 64. */
export const packed = (lengths: readonly number[], length: number, decreasing = true) => {
  const placed = pack(lengths, { length, window: 64, most: slots, decreasing })
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

/** Trains on the rows of a plan, once; also tells how many pictures a second went by. */
export async function trainClassifier(
  plan: Plan,
  { seed, quick, learn }: Pick<ReproductionContext, 'seed' | 'quick' | 'learn'>,
) {
  const { placed, rows, length, see } = plan
  const steps = Math.floor(placed.length / rows)
  const config = networkConfig(quick)
  const groupsOf = (step: number) => placed.slice((step % steps) * rows, ((step % steps) + 1) * rows)
  const begin = performance.now()
  const { weights, curve } = await learn({
    name: 'navit',
    seed,
    steps,
    samples: rows,
    build(p) {
      const logits = navit(p, config)(navitInputs(config, { rows, length }), slots)
      return { loss: navitLoss(logits, input('labels', [rows * slots], 'int32')) }
    },
    batch: (step) =>
      labelledRows(
        groupsOf(step).map((group) => group.map(see)),
        { patchSize, channels: config.channels, length, slots },
      ),
    lr: warmupCosine({ peak: quick ? 3e-3 : 1.5e-3, warmup: Math.ceil(steps / 10), total: steps }),
    optimizer: { weightDecay: 0.01, clip: 1 },
  })
  const pictures = placed.slice(0, steps * rows).flat().length
  return { weights, curve, pictures, perSecond: (1000 * pictures) / (performance.now() - begin) }
}

/** Logits of pictures in packed rows, picture by picture. */
export const classify = (
  seen: readonly LabelledPlanes[],
  { weights, runtime, quick, length }: { weights: Arrays; runtime: Runtime; quick: boolean; length: number },
): Promise<Float32Array[]> => packedLogits(seen, { config: networkConfig(quick), weights, runtime, length, slots })

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
