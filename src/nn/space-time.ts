import { ShapeError, type Tensor } from '../graph/index.ts'
import { reshape, transpose } from '../ops/index.ts'

/** What is computed on sequences: tensors [N, B, D] → [N, B, D']. */
type OnSequences = (...x: Tensor[]) => Tensor

/**
 * Factorised attention in space (Arnab et al. 2021, section 3.3): tokens of clips, frame by frame, [T·S, B, D], become
 * sequences of the S tokens of one frame, [S, T·B, D], and come back after `compute`.
 */
export const withinFrames =
  (frames: number, compute: OnSequences): OnSequences =>
  (...tokens) => {
    const [N, B] = tokens[0].shape
    const places = placesOf(N, frames)
    const y = compute(...tokens.map((x) => swap(x, [frames, places], [places, frames * B])))
    return swap(y, [places, frames], [N, B])
  }

/** Factorised attention in time: [T·S, B, D] become sequences of the T tokens of one place, [T, S·B, D], and come back. */
export const throughTime =
  (frames: number, compute: OnSequences): OnSequences =>
  (...tokens) => {
    const [N, B] = tokens[0].shape
    const places = placesOf(N, frames)
    const y = compute(...tokens.map((x) => reshape(x, [frames, places * B, x.shape[2]])))
    return reshape(y, [N, B, y.shape[2]])
  }

function placesOf(tokens: number, frames: number): number {
  if (tokens % frames !== 0) throw new ShapeError('space-time', 'frames must divide the tokens', { tokens, frames })
  return tokens / frames
}

/** The two axes that are in the first, given by their sizes, change places; then the axes before the last are `to`. */
function swap(x: Tensor, [first, second]: readonly [number, number], to: readonly number[]): Tensor {
  const D = x.shape[2]
  const apart = reshape(x, [first, second, ((x.shape[0] * x.shape[1]) / (first * second)) * D])
  return reshape(transpose(apart, [1, 0, 2]), [...to, D])
}
