import {
  type ClassNetwork,
  classification,
  type LabelledBatch,
  type Learned,
  loadClassifier,
  paintShapes,
  type RandomStream,
  type ReproductionContext,
  shapeColours,
  shapeKinds,
} from 'tubelet'
import { composited } from 'tubelet/node'

/** What is learnt from batches, and how much of others is then told right. */
export interface Task extends ClassNetwork {
  readonly name: string
  readonly draw: (purpose: 'to learn' | 'to test', step: number) => LabelledBatch // in [−1, 1]
  readonly tests: number // batches
  readonly peak?: number // of the learning rate
}

/** How long a task is learnt, and from where. */
export interface Learning extends ReproductionContext {
  readonly steps: number
  readonly from?: Readonly<Record<string, Float32Array>> // first weights
  readonly every?: number // steps between points of the curve
}

/** Trains on batches to learn from; the accuracy is that on batches to test. */
export async function trainTask(task: Task, learning: Learning): Promise<Learned & { readonly accuracy: number }> {
  const { name, draw, tests, peak } = task
  const { runtime, seed, steps, from, every, learn } = learning
  const lessons = { name, seed, steps, peak, draw: (step: number) => draw('to learn', step) }
  const learned = await learn(classification(task, lessons), { weights: from, every })
  const { classify, release } = await loadClassifier(task, { runtime, weights: learned.weights })
  let right = 0
  for (let n = 0; n < tests; n++) {
    const { pixels, labels } = draw('to test', n)
    right += (await classify(pixels)).filter((told, b) => told === labels[b]).length
  }
  await release()
  return { ...learned, accuracy: right / (tests * task.shape[0]) }
}

const kinds = Object.keys(shapeKinds) as (keyof typeof shapeKinds)[]
const colours = Object.keys(shapeColours) as (keyof typeof shapeColours)[]

/** Pictures of one shape anywhere, whose class is the shape and the cell of the picture that it is in. */
interface ShapeOptions {
  readonly count: number // B
  readonly size: number // S
  readonly radius: number // least, as a part of the picture
  readonly spread: number // and at most so much more
  readonly cells: number // along a side
}

/** How many classes there are with so many cells along a side. */
export const shapeClasses = (cells: number): number => kinds.length * cells ** 2

/** Pictures [B, 3, S, S] on grey, their classes, and the alpha [S, S] of what is painted in each. */
export function shapesOnGrey(
  randomOf: (sample: number) => RandomStream,
  { count, size, radius: least, spread, cells }: ShapeOptions,
): LabelledBatch & { readonly painted: readonly Uint8Array[] } {
  const picture = 3 * size * size
  const pixels = new Float32Array(count * picture)
  const painted: Uint8Array[] = []
  const labels = Int32Array.from({ length: count }, (_, b) => {
    const random = randomOf(b)
    const [kind, colour] = [random.integer(kinds.length), random.integer(colours.length)]
    const [u, v, w] = random.uniform(3)
    const radius = least + spread * w
    const [x, y] = [u, v].map((part) => radius + (1 - 2 * radius) * part)
    const rgba = paintShapes([{ shape: kinds[kind], colour: colours[colour], x, y, radius }], size)
    composited(rgba, [127.5, 127.5, 127.5], pixels.subarray(b * picture, (b + 1) * picture))
    painted.push(rgba.filter((_, i) => i % 4 === 3))
    return kind * cells ** 2 + cells * Math.floor(cells * y) + Math.floor(cells * x)
  })
  return { pixels, labels, painted }
}
