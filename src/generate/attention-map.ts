import type { Clip } from '../files/clip.ts'
import { input } from '../graph/index.ts'
import { attentionRollout, classTokenMap } from '../models/attention-rollout.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { declared, imageSide } from './clip-features.ts'
import { framesOnWhite } from './frames-on-white.ts'
import type { ModelPart } from './model-part.ts'

/** Where the image side of a CLIP looks. */
export interface AttentionMap {
  /** Patches of the square that a frame is seen in the middle of. */
  readonly grid: readonly [height: number, width: number]
  /**
   * Attention rollout (Abnar & Zuidema 2020): how much of each patch is in what the class token says of a frame, row by
   * row [h · w]. With what is the token's own the numbers have the sum 1.
   */
  ofFrame(clip: Clip, frame: number): Promise<Float32Array>
  release(): Promise<void>
}

/** The image side of a CLIP model that was read, to be asked where it looks. */
export async function attentionMap(part: ModelPart, runtime: Runtime): Promise<AttentionMap> {
  const { config, network, constants } = declared(part)
  const size = imageSide(part, config)
  const side = Math.floor(size / config.vision.patchSize)
  const { attention } = network.image(input('pixels', [1, 3, size, size]))
  const map = classTokenMap(attentionRollout(attention), [side, side])
  const program = await runtime.load({ map }, { constants })
  return {
    grid: [side, side],
    ofFrame: async (clip, frame) =>
      Float32Array.from((await program.run({ pixels: framesOnWhite(clip, [frame], size) })).map as Float32Array),
    release: () => program.release(),
  }
}
