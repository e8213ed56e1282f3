/**
 * A NaViT (Dehghani et al. 2023) that tells what an emoji shows: each is cut out along what is drawn, so that it has an
 * aspect of its own, is seen at a side from 24 to 64 pixels, and shares a row of 128 tokens with others. Data, classes and
 * `held-out.json` are those of `emoji-vit`, but the answers are told for three sides. Measured: 2,000 steps,
 * 16 minutes on one core beside other work; 0.745, 0.725 and 0.765 of held-out frames right at sides of 32, 48 and 64.
 */
import {
  cropToDrawn,
  drawSide,
  input,
  type LabelledPlanes,
  labelledRows,
  navit,
  navitConfig,
  navitInputs,
  navitLoss,
  type Planes,
  pack,
  packedLogits,
  type RandomStream,
  type Recipe,
  resizeClip,
  sizeAt,
  stream,
  warmupCosine,
} from 'tubelet'
import { type ClassedDrawing, composited, dataOf, epochOrder, lightBackground, modelFile } from 'tubelet/node'
import { labelNames, scoresFile } from './parts/classes.ts'
import { side as drawnSide, emojiClasses } from './parts/emoji-classes.ts'

const sides = { least: 24, most: 64 }
const asked = [32, 48, 64] // sides at which held-out drawings are asked for
const [patchSize, channels, longest] = [8, 3, 128]
const [rows, length, slots] = [16, 128, 16] // of a batch, tokens of a row, pictures of a row at most

export default {
  name: 'emoji-navit',
  summary: 'a NaViT that tells what an emoji shows, at its own aspect and any size',

  async prepare({ runtime, data, seed = 0, steps = 2000, report }) {
    const { names, train, heldOut } = await emojiClasses({ data, report })
    const json = {
      _class_name: 'NaViT',
      ...{ image_size: [longest, longest], patch_size: patchSize, channels, num_classes: names.length },
      ...{ dim: 192, depth: 6, heads: 3, dim_head: 64, mlp_dim: 768 },
      ...labelNames(names),
    }
    const config = navitConfig(json)
    const aspects = train.map(({ drawing }) => {
      const { height, width } = cropOf(drawing)
      return { height, width }
    })
    const plan = planned({ steps, seed, count: train.length, sizeOf: (i) => aspects[i] })
    report(`${plan.placed.length} rows of ${length} tokens, ${plan.pictures.length} pictures`)
    const seen = (n: number): LabelledPlanes => {
      const { drawing, side } = plan.pictures[n]
      const random = stream({ seed, purpose: 'look', sample: n })
      const { label, drawing: drawn } = train[drawing]
      return { planes: planesOf(drawn, { side, t: random.integer(drawn.frames), random }), label }
    }
    return {
      name: 'emoji-navit',
      seed,
      steps,
      samples: Math.round((rows * plan.pictures.length) / plan.placed.length),
      settings: { data, config: json, sides, rows, length, slots },
      build(p) {
        const logits = navit(p, config)(navitInputs(config, { rows, length }), slots)
        return { loss: navitLoss(logits, input('labels', [rows * slots], 'int32')) }
      },
      batch: (step) =>
        labelledRows(
          plan.placed.slice(step * rows, (step + 1) * rows).map((group) => group.map(seen)),
          { patchSize, channels, length, slots },
        ),
      lr: warmupCosine({ peak: 1.5e-3, warmup: Math.floor(steps / 10), total: steps }),
      optimizer: { weightDecay: 0.01, clip: 1, ema: 0.98 },
      /** `held-out-48.json` and its like: how often held-out drawings are told right at a side of 48 pixels. */
      async pictures(weights) {
        const classifier = { config, weights: dataOf(weights), runtime, length, slots }
        const files: Record<string, Uint8Array> = {}
        for (const side of asked) {
          const pictures = heldOut.flatMap(({ drawing, label }) =>
            Array.from({ length: Math.ceil(drawing.frames / 4) }, (_, k) => ({
              planes: planesOf(drawing, { side, t: 4 * k }),
              label,
            })),
          )
          const logits = await packedLogits(pictures, classifier)
          const told = logits.map((row) => row.indexOf(Math.max(...row)))
          const labels = pictures.map(({ label }) => label)
          files[`held-out-${side}.json`] = scoresFile(told, labels, names)
        }
        return files
      },
      publish: async (weights) => ({
        'config.json': JSON.stringify(json, null, 1),
        'model.safetensors': modelFile(weights),
      }),
    }
  },
} satisfies Recipe

type Drawing = ClassedDrawing['drawing']

/** A drawing, cut out along what any of its frames shows. */
const cropOf = (drawing: Drawing) =>
  cropToDrawn({ frames: drawing.pixels(), count: drawing.frames, width: drawnSide, height: drawnSide, fps: 0 })

/** The size at which a picture of some aspect has the area side², in whole patches and no longer than the positions go. */
function sizeOf(aspect: { height: number; width: number }, side: number) {
  const { height, width } = sizeAt(aspect, { side, patchSize })
  return { height: Math.min(height, longest), width: Math.min(width, longest) }
}

/** One frame of a drawing as planes [3, H, W], on white or on a ground drawn at random. */
function planesOf(drawing: Drawing, { side, t, random }: { side: number; t: number; random?: RandomStream }): Planes {
  const crop = cropOf(drawing)
  const size = sizeOf(crop, side)
  const frame = 4 * crop.height * crop.width
  const one = { ...crop, count: 1, frames: crop.frames.subarray(t * frame, (t + 1) * frame) }
  const pixels = new Float32Array(3 * size.height * size.width)
  const ground = random ? lightBackground(random) : [255, 255, 255]
  composited(resizeClip(one, size.width, size.height).frames, ground, pixels)
  return { ...size, pixels }
}

interface Planning {
  readonly steps: number
  readonly seed: number
  readonly count: number // drawings
  readonly sizeOf: (drawing: number) => { readonly height: number; readonly width: number }
}

/** Which drawings are seen in the whole run and at which sides, and which of them share a row: enough rows for every step. */
function planned({ steps, seed, count, sizeOf: aspectOf }: Planning) {
  const order = epochOrder(count, 1, { seed, purpose: 'drawings' })
  const pictures: { drawing: number; side: number }[] = []
  const lengths: number[] = []
  for (let tokens = 0; tokens < steps * rows * length; tokens += lengths.at(-1)!) {
    const [drawing] = order(pictures.length)
    const side = drawSide(stream({ seed, purpose: 'side', sample: pictures.length }), sides)
    const { height, width } = sizeOf(aspectOf(drawing), side)
    pictures.push({ drawing, side })
    lengths.push((height * width) / patchSize ** 2)
  }
  return { pictures, placed: pack(lengths, { length, most: slots }) }
}
