import { input, type Tensor } from '../graph/index.ts'
import { conv2d, groupNorm, heNormal, linear, type Params, params } from '../nn/index.ts'
import { add, argmax, crossEntropy, relu, reshape } from '../ops/index.ts'
import { stream } from '../random.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { learn } from './learn.ts'
import { warmupCosine } from './lr.ts'

/** Pictures to learn from. */
export interface Examples {
  readonly shape: readonly [channels: number, height: number, width: number]
  readonly pixels: Float32Array // [N, C, H, W]
  readonly labels: Readonly<Record<string, Int32Array>> // [N] each, from 0
}

/** How a classifier is trained. */
export interface ClassifierOptions {
  readonly runtime: Runtime
  readonly seed: number
  readonly steps: number
  readonly signal?: AbortSignal
}

/** A network that was trained to tell the labels of pictures, for features and as a judge of drawn pictures. */
export interface Classifier {
  /** A row of 64 numbers for each picture: what the last layer reads. */
  features(pixels: Float32Array): Promise<Float32Array[]>
  /** The likeliest value of each label. */
  classify(pixels: Float32Array): Promise<Record<string, Int32Array>>
  release(): Promise<void>
}

const [batch, width] = [64, 64]

/** Trains three convolutions and a linear layer for each label, which is enough for digits and coloured shapes. */
export async function learnClassifier({ shape, pixels, labels }: Examples, options: ClassifierOptions) {
  const { runtime, seed, steps, signal } = options
  const size = shape[0] * shape[1] * shape[2]
  const count = pixels.length / size
  const classes = Object.fromEntries(
    Object.entries(labels).map(([name, values]) => [
      name,
      values.reduce((most, value) => Math.max(most, value), 0) + 1,
    ]),
  )
  const names = Object.keys(labels)
  const { weights } = await learn(
    {
      name: 'classifier',
      seed,
      steps,
      samples: batch,
      build(p) {
        const { logits } = network(p, shape, classes)(input('x', [batch, ...shape]))
        const losses = names.map((name) => crossEntropy(logits[name], input(`label ${name}`, [batch], 'int32')))
        return { loss: losses.reduce((sum, loss) => add(sum, loss)) }
      },
      batch(step) {
        const random = stream({ seed, purpose: 'examples', step })
        const chosen = Array.from({ length: batch }, () => random.integer(count))
        const x = new Float32Array(batch * size)
        for (const [b, n] of chosen.entries()) x.set(pixels.subarray(n * size, (n + 1) * size), b * size)
        const told = names.map((name) => [`label ${name}`, Int32Array.from(chosen, (n) => labels[name][n])])
        return { x, ...Object.fromEntries(told) }
      },
      lr: warmupCosine({ peak: 2e-3, warmup: Math.min(20, steps >> 2), total: steps }),
      optimizer: { weightDecay: 0.01 },
    },
    { runtime, signal },
  )
  return classifierOf({ shape, classes, weights }, runtime)
}

interface Trained {
  readonly shape: Examples['shape']
  readonly classes: Readonly<Record<string, number>>
  readonly weights: Record<string, Float32Array>
}

async function classifierOf({ shape, classes, weights }: Trained, runtime: Runtime): Promise<Classifier> {
  const size = shape[0] * shape[1] * shape[2]
  const { features, logits } = network(params(), shape, classes)(input('x', [batch, ...shape]))
  const labels = Object.entries(logits).map(([name, scores]) => [`label ${name}`, argmax(scores)] as const)
  const program = await runtime.load({ features, ...Object.fromEntries(labels) }, { constants: weights })
  /** Answers for full batches; the last one is filled up with nothing. */
  async function* answers(pixels: Float32Array) {
    const count = pixels.length / size
    for (let first = 0; first < count; first += batch) {
      const x = new Float32Array(batch * size)
      x.set(pixels.subarray(first * size, (first + batch) * size))
      yield { first, rows: Math.min(batch, count - first), out: await program.run({ x }) }
    }
  }
  return {
    async features(pixels) {
      const all: Float32Array[] = []
      for await (const { rows, out } of answers(pixels))
        for (let b = 0; b < rows; b++) all.push((out.features as Float32Array).slice(b * width, (b + 1) * width))
      return all
    },
    async classify(pixels) {
      const found = Object.fromEntries(Object.keys(classes).map((name) => [name, new Int32Array(pixels.length / size)]))
      for await (const { first, rows, out } of answers(pixels))
        for (const name of Object.keys(classes))
          found[name].set((out[`label ${name}`] as Int32Array).subarray(0, rows), first)
      return found
    },
    release: () => program.release(),
  }
}

/** x [B, C, H, W] → features [B, 64], and the logits of each label. */
function network(p: Params, [channels, height, across]: Examples['shape'], classes: Readonly<Record<string, number>>) {
  const widths = [channels, 16, 32, width]
  const layers = [1, 2, 2].map((stride, i) => {
    const conv = conv2d(p.at(`convs.${i}`), widths[i], widths[i + 1], { stride, padding: 1, init: heNormal })
    const norm = groupNorm(p.at(`norms.${i}`), widths[i + 1], { groups: 8 })
    return (x: Tensor) => relu(norm(conv(x)))
  })
  const places = width * Math.ceil(height / 4) * Math.ceil(across / 4)
  const middle = linear(p.at('middle'), places, width)
  const heads = Object.entries(classes).map(([name, n]) => [name, linear(p.at(`heads.${name}`), width, n)] as const)
  return (x: Tensor) => {
    const grid = layers.reduce((y, layer) => layer(y), x)
    const features = relu(middle(reshape(grid, [x.shape[0], places])))
    return { features, logits: Object.fromEntries(heads.map(([name, head]) => [name, head(features)])) }
  }
}
