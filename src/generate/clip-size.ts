import { TubeletError } from '../errors.ts'
import { spaceStride, timeStride } from '../models/video-vae.ts'

/** Size and length of a clip, in pixels and frames. */
export interface ClipSize {
  readonly width: number
  readonly height: number
  readonly frames: number
}

// What a clip takes in memory is the attention over all of its tokens, and in the autoencoder over all places of a frame:
// both take less than one and a half gigabytes (`costOf`).
const mostPixels = 2 ** 23 // of a clip over all its frames: 512 × 512 × 31
const mostFramePixels = 2 ** 19 // 1024 × 512

/** What is wrong with a clip that would not fit into memory. */
export function tooLarge({ width, height, frames }: ClipSize): string | undefined {
  if (width * height * frames > mostPixels)
    return `${frames} frames of ${width} × ${height} are more than ${mostPixels} pixels, the most that is drawn`
  if (width * height > mostFramePixels)
    return `a frame of ${width} × ${height} has more than ${mostFramePixels} pixels, the most that is drawn`
  return undefined
}

/**
 * The size to draw at: what is asked for, and else what the model was trained on. Throws TubeletError('usage') with the
 * next larger one that can be drawn, where clips of that size cannot be cut into latents and their patches, or do not fit
 * into memory.
 */
export function drawnSize(
  asked: Partial<ClipSize>,
  trainedOn: ClipSize,
  { patchSize, ropeMaxSeqLen }: { patchSize: readonly [number, number, number]; ropeMaxSeqLen: number },
): ClipSize {
  const { width = trainedOn.width, height = trainedOn.height, frames = trainedOn.frames } = asked
  const [long, high, wide] = [timeStride * patchSize[0], spaceStride * patchSize[1], spaceStride * patchSize[2]]
  const next = (length: number, step: number) => step * Math.min(ropeMaxSeqLen, Math.max(1, Math.ceil(length / step)))
  const [nextWidth, nextHeight] = [next(width, wide), next(height, high)]
  if (width !== nextWidth || height !== nextHeight)
    throw new TubeletError(
      'usage',
      `a clip of ${width} × ${height} cannot be drawn: the width must be a multiple of ${wide} and the height of ${high}; the next size is ${nextWidth} × ${nextHeight}`,
    )
  const nextFrames = next(frames + 1, long) - 1 // the first frame fills a step of time alone
  if (frames !== nextFrames)
    throw new TubeletError(
      'usage',
      `a clip of ${frames} frames cannot be drawn: there must be ${long - 1}, ${2 * long - 1}, ${3 * long - 1} and so on, up to ${long * ropeMaxSeqLen - 1}; the next is ${nextFrames}`,
    )
  const size = { width, height, frames }
  const problem = tooLarge(size)
  if (problem) throw new TubeletError('usage', problem)
  return size
}

/** Latents of a clip along time, height and width. */
export const latentGrid = ({ width, height, frames }: ClipSize): [frames: number, height: number, width: number] => [
  (frames + 1) / timeStride,
  height / spaceStride,
  width / spaceStride,
]
