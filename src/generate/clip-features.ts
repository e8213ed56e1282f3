import type { Tokenizer } from '../data/tokenizer.ts'
import { TubeletError } from '../errors.ts'
import type { Clip } from '../files/clip.ts'
import { input } from '../graph/index.ts'
import { clipConfig, clip as clipModel } from '../models/clip.ts'
import { params } from '../nn/index.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { framesOnWhite } from './frames-on-white.ts'
import type { ModelPart } from './model-part.ts'
import { checkDepths, weightsFor } from './weights.ts'

/** Frames of a clip that CLIP looks at, evenly over the loop. */
const looks = 4

/** Clips and texts as points of length 1 in the space that CLIP gives both. */
export interface ClipFeatures {
  /** The embedding of a clip [P]: of 4 frames on white, their mean, brought to length 1 again. */
  ofClip(clip: Clip): Promise<Float32Array>
  /** The embedding of a text [P]. */
  ofText(text: string): Promise<Float32Array>
  release(): Promise<void>
}

/** Both sides of a CLIP model that was read. */
export async function clipFeatures(part: ModelPart, words: Tokenizer, runtime: Runtime): Promise<ClipFeatures> {
  const { folder: where, arrays } = part
  const config = clipConfig(part.config)
  const { imageSize: size, channels, depth } = config.vision
  if (channels !== 3) throw new TubeletError('input', `${where}: looks at ${channels} channels; pictures have 3`)
  checkDepths(where, { num_hidden_layers: Math.max(depth, config.text.depth) }, arrays)
  const p = params()
  const network = clipModel(p, config)
  network.scale() // declared with the rest of the file
  const constants = weightsFor(p, arrays, { where })
  const picture = network.image(input('pixels', [looks, 3, size, size])).embedding
  const text = network.text(input('ids', [1, config.text.context], 'int32')).embedding
  const seeing = await runtime.load({ picture }, { constants })
  const reading = await runtime.load({ text }, { constants })
  return {
    async ofClip(clip) {
      const { picture } = await seeing.run({ pixels: framesOnWhite(clip, evenFrames(clip), size) })
      return meanDirection(picture as Float32Array, config.projection)
    },
    async ofText(text) {
      const { text: embedding } = await reading.run({ ids: words.encode(text, config.text.context) })
      return Float32Array.from(embedding as Float32Array)
    },
    async release() {
      await seeing.release()
      await reading.release()
    },
  }
}

const evenFrames = ({ count }: Clip) => Array.from({ length: looks }, (_, k) => Math.floor((k * count) / looks))

/** Rows [K, P] → their mean [P] at length 1. */
function meanDirection(rows: Float32Array, width: number): Float32Array {
  const sum = new Float32Array(width)
  for (let i = 0; i < rows.length; i++) sum[i % width] += rows[i]
  const length = Math.sqrt(sum.reduce((square, x) => square + x * x, 0))
  return sum.map((x) => x / length)
}
