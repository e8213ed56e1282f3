import { input, type Tensor } from '../graph/index.ts'
import { type Params, params, type Updates } from '../nn/index.ts'
import { argmax, crossEntropy } from '../ops/index.ts'
import type { Arrays, Runtime } from '../runtime/runtime.ts'
import type { TrainConfig } from './config.ts'
import { warmupCosine } from './lr.ts'

/** Pictures or clips, and the class of each. */
export interface LabelledBatch {
  readonly pixels: Float32Array // [B, ...]
  readonly labels: Int32Array // [B]
}

/** A network that tells classes, and how much it sees at a time. */
export interface ClassNetwork {
  readonly shape: readonly [batch: number, ...one: number[]] // of the pixels
  /** Pixels → logits [B, classes]; in training it is given the place where running statistics go. */
  readonly logits: (p: Params, pixels: Tensor, training?: Updates) => Tensor
}

/** What is learnt, and for how long. */
export interface ClassificationOptions {
  readonly name: string
  readonly seed: number
  readonly steps: number
  /** The batch of a step, a function of the step alone. */
  readonly draw: (step: number) => LabelledBatch
  readonly peak?: number // of the learning rate; 3e-3
}

/** A run that learns classes by cross-entropy: Muon in the matrices of transformer blocks, AdamW in all else. */
export function classification(network: ClassNetwork, options: ClassificationOptions): TrainConfig {
  const { shape, logits } = network
  const { name, seed, steps, draw, peak = 3e-3 } = options
  const [batch] = shape
  return {
    ...{ name, seed, steps, samples: batch },
    build: (p, training) => ({
      loss: crossEntropy(logits(p, input('pixels', shape), training), input('labels', [batch], 'int32')),
    }),
    batch: (step) => ({ ...draw(step) }),
    lr: warmupCosine({ peak, warmup: Math.floor(steps / 20), total: steps }),
    optimizer: {
      ...{ weightDecay: 0.05, clip: 1, ema: 0.98 },
      muon: (name, shape) => shape.length === 2 && /layer\..*weight$/.test(name),
    },
  }
}

/** Loads a network with its weights: pixels [N, ...] → the likeliest class of each, batch by batch. */
export async function loadClassifier(
  { shape, logits }: ClassNetwork,
  { runtime, weights }: { runtime: Runtime; weights: Arrays },
) {
  const program = await runtime.load({ told: argmax(logits(params(), input('pixels', shape))) }, { constants: weights })
  const [batch, ...one] = shape
  const size = one.reduce((a, b) => a * b, 1)
  return {
    /** The last batch is filled up with zeros, whose answers are left out. */
    async classify(pixels: Float32Array): Promise<Int32Array> {
      const all = new Int32Array(pixels.length / size)
      for (let first = 0; first < all.length; first += batch) {
        const some = pixels.subarray(first * size, (first + batch) * size)
        const full = some.length === batch * size ? some : new Float32Array(batch * size)
        if (full !== some) full.set(some)
        const { told } = await program.run({ pixels: full })
        all.set((told as Int32Array).subarray(0, all.length - first), first)
      }
      return all
    },
    release: () => program.release(),
  }
}
