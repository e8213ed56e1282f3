import {
  crossEntropy,
  frechet,
  input,
  learn,
  nn,
  type Params,
  type ReproductionContext,
  relu,
  reshape,
  type Tensor,
  warmupCosine,
} from 'tubelet'
import { epochOrder } from 'tubelet/node'
import { rows, runAll } from './batches.ts'
import { area, type DigitPictures, rowsOf, side } from './pictures.ts'

const width = 64 // of the features

/** Tells how far pictures are from real digits. */
export interface Judge {
  /** Share of held-out digits that it names rightly. */
  readonly accuracy: number
  /** Fréchet distance of pictures [N, 1, 16, 16] from the held-out digits, in its features. */
  distance(pixels: Float32Array): Promise<number>
  release(): Promise<void>
}

/** A small convolutional classifier, trained in the run; its last hidden layer gives the features. */
export async function trainJudge(
  { runtime, seed, quick, signal }: ReproductionContext,
  { train, heldOut }: { train: DigitPictures; heldOut: DigitPictures },
): Promise<Judge> {
  const [batch, steps] = [100, quick ? 150 : 800]
  const order = epochOrder(train.count, batch, { seed, purpose: 'judge' })
  const { weights } = await learn(
    {
      name: 'judge',
      seed,
      steps,
      samples: batch,
      build: (p) => ({
        loss: crossEntropy(network(p)(input('x', [batch, 1, side, side])).logits, input('labels', [batch], 'int32')),
      }),
      batch(step) {
        const chosen = order(step)
        return { x: rowsOf(train.pixels, chosen, area), labels: Int32Array.from(chosen, (i) => train.labels[i]) }
      },
      lr: warmupCosine({ peak: 3e-3, warmup: 20, total: steps }),
      optimizer: { weightDecay: 0.01 },
    },
    { runtime, signal },
  )
  const program = await runtime.load(network(nn.params())(input('x', [rows, 1, side, side])), { constants: weights })
  const look = (pixels: Float32Array) => runAll(program, { x: pixels }, pixels.length / area)
  const featuresOf = async (pixels: Float32Array) => split((await look(pixels)).features, width)
  const count = Math.floor(heldOut.count / rows) * rows
  const real = await look(heldOut.pixels.subarray(0, count * area))
  const told = split(real.logits, 10).map((row) => row.indexOf(Math.max(...row)))
  const known = split(real.features, width)
  return {
    accuracy: told.filter((digit, i) => digit === heldOut.labels[i]).length / count,
    distance: async (pixels) => frechet(await featuresOf(pixels), known),
    release: () => program.release(),
  }
}

/** Pixels [B, 1, 16, 16] → features [B, 64] and logits [B, 10]. */
function network(p: Params) {
  const convs = [16, 32, 64].map((to, i, all) =>
    nn.conv2d(p.at(`conv${i}`), all[i - 1] ?? 1, to, { stride: i === 0 ? 1 : 2, padding: 1, init: nn.heNormal }),
  )
  const hidden = nn.linear(p.at('hidden'), 64 * 4 * 4, width)
  const head = nn.linear(p.at('head'), width, 10)
  return (pixels: Tensor) => {
    const maps = convs.reduce((x, conv) => relu(conv(x)), pixels) // [B, 64, 4, 4]
    const features = relu(hidden(reshape(maps, [pixels.shape[0], -1])))
    return { features, logits: head(features) }
  }
}

/** An array [N, width] as rows. */
const split = (array: Float32Array, width: number): Float32Array[] =>
  Array.from({ length: array.length / width }, (_, i) => array.subarray(i * width, (i + 1) * width))
