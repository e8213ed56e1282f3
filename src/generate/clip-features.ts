import { composited } from '../data/caption-batch.ts'
import { resizeClip } from '../data/resize.ts'
import type { Tokenizer } from '../data/tokenizer.ts'
import { TubeletError } from '../errors.ts'
import { type Clip, frameOf } from '../files/clip.ts'
import { input } from '../graph/index.ts'
import { clipConfig, clip as clipModel } from '../models/clip.ts'
import { params } from '../nn/index.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { ModelPart } from './model-part.ts'
import { checkDepths, weightsFor } from './weights.ts'
import { meanDirection } from './zero-shot.ts'

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
  const width = config.projection
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
      const { picture } = await seeing.run({ pixels: framesOnWhite(clip, size) })
      const rows = picture as Float32Array
      return meanDirection(Array.from({ length: looks }, (_, k) => rows.subarray(k * width, (k + 1) * width)))
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

/** Some frames of a clip as CLIP was shown them: planes [looks, 3, S, S] on white in [−1, 1]. */
function framesOnWhite(clip: Clip, size: number): Float32Array {
  const { width, height, count } = clip
  const pixels = new Float32Array(looks * 3 * size * size)
  for (let k = 0; k < looks; k++) {
    const frames = frameOf(clip, Math.floor((k * count) / looks))
    const small = resizeClip({ frames, count: 1, width, height, fps: 0 }, size, size)
    composited(small.frames, [255, 255, 255], pixels.subarray(k * 3 * size * size, (k + 1) * 3 * size * size))
  }
  return pixels
}
