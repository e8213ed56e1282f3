import {
  type ClassNetwork,
  classification,
  type ImageEncoderConfig,
  imageClassifier,
  loadClassifier,
  type Recipe,
  stream,
} from 'tubelet'
import { dataOf, epochOrder, lookAt, modelFile } from 'tubelet/node'
import { labelNames, scoresFile } from './classes.ts'
import { emojiClasses, frameOf, heldOutPictures, onWhite, side } from './emoji-classes.ts'

const batch = 64
const picture = 3 * side * side // numbers

/** An image encoder with a head for the classes of drawings. */
interface DrawingClassifier extends Pick<Recipe, 'name' | 'summary'> {
  readonly json: object // its `config.json`, without the names of the classes
  readonly read: (json: unknown) => ImageEncoderConfig
  readonly peak: number // of the learning rate
}

/** The same training for any image encoder: which class is a drawing of, a little moved and resized, on any light ground? */
export const drawingClassifier = ({ name, summary, json, read, peak }: DrawingClassifier): Recipe => ({
  name,
  summary,

  async prepare({ runtime, data, seed = 0, steps = 1500, report }) {
    const classes = await emojiClasses({ data, report })
    const { names, train } = classes
    const config = { ...json, ...labelNames(names) }
    const encoder = read(config)
    const network: ClassNetwork = {
      shape: [batch, 3, side, side],
      logits: (p, pixels, training) => imageClassifier(p, encoder, { training })(pixels),
    }
    const order = epochOrder(train.length, batch, { seed, purpose: 'drawings' })
    return {
      ...classification(network, {
        ...{ name, seed, steps, peak },
        draw(step) {
          const chosen = order(step).map((i) => train[i])
          const pixels = new Float32Array(batch * picture)
          chosen.forEach((one, b) => {
            const random = stream({ seed, purpose: 'look', step, sample: b })
            const bytes = frameOf(one, random.integer(one.drawing.frames))
            lookAt(bytes, { side, random }, pixels.subarray(b * picture, (b + 1) * picture))
          })
          return { pixels, labels: Int32Array.from(chosen, ({ label }) => label) }
        },
      }),
      settings: { data, config, batch, peak },
      /** `held-out.json`: how often held-out drawings are told right. */
      async pictures(weights) {
        const { classify, release } = await loadClassifier(network, { runtime, weights: dataOf(weights) })
        const asked = [...heldOutPictures(classes)]
        const pixels = new Float32Array(asked.length * picture)
        for (const [n, { bytes }] of asked.entries()) pixels.set(onWhite(bytes), n * picture)
        const told = await classify(pixels)
        await release()
        return {
          'held-out.json': scoresFile(
            told,
            asked.map(({ label }) => label),
            names,
          ),
        }
      },
      publish: async (weights) => ({
        'config.json': JSON.stringify(config, null, 1),
        'model.safetensors': modelFile(weights),
        'preprocessor_config.json': JSON.stringify(preprocessor, null, 1),
      }),
    }
  },
})

/** What the pictures are made into, for transformers. */
const preprocessor = {
  image_processor_type: 'ViTImageProcessor',
  ...{ do_resize: true, size: { height: side, width: side }, do_rescale: true, rescale_factor: 1 / 255 },
  ...{ do_normalize: true, image_mean: [0.5, 0.5, 0.5], image_std: [0.5, 0.5, 0.5] },
}
