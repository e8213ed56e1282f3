import {
  argmax,
  cast,
  crossEntropy,
  equal,
  input,
  type Learned,
  learn,
  mean,
  nn,
  type Params,
  paintShapes,
  type RandomStream,
  type ReproductionContext,
  shapeColours,
  shapeKinds,
  type Tensor,
  type TrainConfig,
  warmupCosine,
} from 'tubelet'
import { composited } from 'tubelet/node'

/** Pictures or clips in [−1, 1], and the class of each. */
interface Labelled {
  readonly pixels: Float32Array // like the shape of the task
  readonly labels: Int32Array // [B]
}

/** What is learnt from batches, and how much of others is then told right. */
export interface Task {
  readonly name: string
  readonly shape: readonly [batch: number, ...picture: number[]]
  /** In training it is given the place where running statistics go. */
  readonly logits: (p: Params, pixels: Tensor, updates?: Parameters<TrainConfig['build']>[1]) => Tensor
  readonly draw: (purpose: 'to learn' | 'to test', step: number) => Labelled
  readonly tests: number // batches
  readonly peak?: number // of the learning rate; 3e-3
}

/** How long a task is learnt, and from where. */
export interface Learning extends ReproductionContext {
  readonly steps: number
  readonly from?: Readonly<Record<string, Float32Array>> // first weights
  readonly every?: number // steps between points of the curve
}

/** Trains on batches to learn from, by Muon in the matrices of the blocks; the accuracy is that on batches to test. */
export async function trainTask(task: Task, learning: Learning): Promise<Learned & { readonly accuracy: number }> {
  const { name, shape, logits, draw, tests, peak = 3e-3 } = task
  const { runtime, seed, steps, signal, from, every } = learning
  const [batch] = shape
  const [pixels, labels] = [input('pixels', shape), input('labels', [batch], 'int32')]
  const learned = await learn(
    {
      ...{ name, seed, steps, samples: batch },
      build: (p, updates) => ({ loss: crossEntropy(logits(p, pixels, updates), labels) }),
      batch: (step) => ({ ...draw('to learn', step) }),
      lr: warmupCosine({ peak, warmup: Math.floor(steps / 20), total: steps }),
      optimizer: {
        ...{ weightDecay: 0.05, clip: 1, ema: 0.98 },
        muon: (name, shape) => shape.length === 2 && /layer\..*weight$/.test(name),
      },
    },
    { runtime, signal, weights: from, every },
  )
  const right = mean(cast(equal(argmax(logits(nn.params(), pixels)), labels), 'float32'), 0)
  const program = await runtime.load({ right }, { constants: learned.weights })
  let sum = 0
  for (let n = 0; n < tests; n++) sum += (await program.run({ ...draw('to test', n) })).right[0]
  await program.release()
  return { ...learned, accuracy: sum / tests }
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
): Labelled & { readonly painted: readonly Uint8Array[] } {
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
