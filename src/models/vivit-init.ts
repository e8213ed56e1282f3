import { ShapeError } from '../graph/index.ts'
import { hasClassToken, tubeletGrid, type ViViTConfig } from './vivit.ts'

/** How the patch embedding of an image model [D, C, h, w] becomes a tubelet embedding [D, C, frames, h, w]. */
export type Inflation = (weight: Float32Array, patch: number, frames: number) => Float32Array

/** Central-frame initialisation (section 3.4, equation 9): only the middle frame, number ⌊frames / 2⌋, is read. */
export const centralFrame: Inflation = (weight, patch, frames) =>
  inflate(weight, { patch, frames, share: (t) => (t === Math.floor(frames / 2) ? 1 : 0) })

/** Filter inflation (section 3.4, equation 8; Carreira & Zisserman 2017): all frames are read alike, 1 / frames each. */
export const filterInflation: Inflation = (weight, patch, frames) =>
  inflate(weight, { patch, frames, share: () => 1 / frames })

interface Slices {
  readonly patch: number // elements h · w of one kernel
  readonly frames: number
  readonly share: (frame: number) => number // of the image's kernel
}

function inflate(weight: Float32Array, { patch, frames, share }: Slices): Float32Array {
  if (weight.length % patch !== 0)
    throw new ShapeError('inflation', 'patch must be the elements h · w of one kernel', {
      weight: weight.length,
      patch,
    })
  return Float32Array.from({ length: weight.length * frames }, (_, i) => {
    const kernel = Math.floor(i / (patch * frames))
    return share(Math.floor(i / patch) % frames) * weight[kernel * patch + (i % patch)]
  })
}

/**
 * First weights of a ViViT from those of a ViT of the same width, patch and picture (Arnab et al. 2021, section 3.4):
 * the embedding is inflated, positions are repeated for each frame, blocks are taken as they are. What the ViT does
 * not have is left out: the head, the temporal encoder of model 2, the temporal attention of model 3, which starts at
 * zero.
 */
export function fromImageModel(
  image: Readonly<Record<string, Float32Array>>,
  config: ViViTConfig,
  inflation: Inflation = centralFrame,
): Record<string, Float32Array> {
  const [frames, height, width] = config.tubelet
  const out: Record<string, Float32Array> = {}
  for (const [name, array] of Object.entries(image)) {
    if (!name.startsWith('vit.')) continue // the head is new
    const part = name.slice('vit.'.length)
    if (part === 'embeddings.patch_embeddings.projection.weight')
      out[`vivit.${part}`] = inflation(array, height * width, frames)
    else if (part === 'embeddings.position_embeddings') out[`vivit.${part}`] = positionsInTime(array, config)
    else if (part !== 'embeddings.cls_token' || hasClassToken(config)) out[`vivit.${part}`] = array.slice()
  }
  return out
}

/** Positions of the ViT [rows, D], whose class token may come first, for every frame that is told apart by position. */
function positionsInTime(positions: Float32Array, config: ViViTConfig): Float32Array {
  const { width: D, model } = config
  const [T, H, W] = tubeletGrid(config)
  const before = positions.length / D - H * W // rows
  const wanted = hasClassToken(config) ? 1 : 0
  if (before !== 0 && before !== 1)
    throw new ShapeError('fromImageModel', 'the ViT must have the same grid of patches and the same width', {
      positions: positions.length,
      grid: [H, W],
      width: D,
    })
  if (wanted > before)
    throw new ShapeError('fromImageModel', 'the ViT must have a class token, as the ViViT', { before })
  const places = positions.subarray(before * D)
  const repeats = model === 'factorised encoder' ? 1 : T
  const out = new Float32Array(wanted * D + repeats * places.length)
  out.set(positions.subarray(0, wanted * D))
  for (let t = 0; t < repeats; t++) out.set(places, wanted * D + t * places.length)
  return out
}
