import { ShapeError, type Tensor } from '../graph/index.ts'
import {
  layerNorm,
  linear,
  normal,
  type Params,
  patches,
  patchGrid,
  sinCosPositions,
  wholePatches,
  zeros,
} from '../nn/index.ts'
import { add, concat, expand, mean, reshape, slice, transpose } from '../ops/index.ts'
import { classesOf, configFields } from './config-fields.ts'
import { type EncoderConfig, encoder, encoderFields, vitNames } from './vit-blocks.ts'

/** Vision Transformer (Dosovitskiy et al. 2021, arXiv:2010.11929), class ViTForImageClassification of transformers. */
export interface ViTConfig extends TrunkConfig {
  readonly imageSize: readonly [height: number, width: number]
  readonly patchSize: readonly [height: number, width: number]
  readonly channels: number
  readonly classes: number
}

/** How tokens are told apart, and which of them are read. */
export interface TrunkConfig extends EncoderConfig {
  readonly pool?: 'token' | 'mean' // what the head reads: a class token, or the mean of all (appendix D.3); 'token'
  readonly positions?: 'learned' | 'sin-cos' | 'none' // appendix D.4, and DiT's fixed ones; 'learned'
}

const published = {
  activation: 'gelu',
  qkvBias: true,
  eps: 1e-12,
  imageSize: [224, 224],
  patchSize: [16, 16],
  channels: 3,
  classes: 1000,
} as const

/** B, L and H: table 1 of Dosovitskiy et al. 2021; Ti and S: table 2 of Steiner et al. 2021, arXiv:2106.10270. */
export const vitSizes = {
  'ViT-Ti/16': { ...published, width: 192, depth: 12, heads: 3, hidden: 768 },
  'ViT-S/16': { ...published, width: 384, depth: 12, heads: 6, hidden: 1536 },
  'ViT-B/16': { ...published, width: 768, depth: 12, heads: 12, hidden: 3072 },
  'ViT-L/16': { ...published, width: 1024, depth: 24, heads: 16, hidden: 4096 },
  'ViT-H/14': { ...published, width: 1280, depth: 32, heads: 16, hidden: 5120, patchSize: [14, 14] },
} satisfies Record<string, ViTConfig>

/** A learned token [D] before all others: x [N, B, D] → [1 + N, B, D]. */
export const withClassToken = (token: Tensor, x: Tensor): Tensor =>
  concat([expand(reshape(token, [1, 1, x.shape[2]]), [1, ...x.shape.slice(1)]), x], 0)

/** What a classifier of tokens gives. */
export interface Classified {
  readonly states: Tensor // [B, N, D] after the last block, before the last norm; the class token first, if any
  readonly logits: Tensor // [B, classes]
}

/** What the classifier of pictures gives. */
export interface ClassifiedPicture extends Classified {
  readonly attention: readonly Tensor[] // weights of each block [B, h, N, N]; row n is what token n reads
}

/** Class token unless the mean is read, then learned positions: x [N, B, D] → [1 + N, B, D] or [N, B, D]. */
export function placedTokens(p: Params, config: TrunkConfig, N: number) {
  const { width, pool, positions = 'learned' } = config
  const token = pool === 'mean' ? undefined : p.get('cls_token', [1, 1, width], zeros)
  const rows = N + (token ? 1 : 0)
  const table = positions === 'learned' && p.get('position_embeddings', [1, rows, width], normal(0.02))
  return p.scoped((x: Tensor): Tensor => {
    const tokens = token ? withClassToken(token, x) : x
    return table ? add(tokens, reshape(table, [rows, 1, width])) : tokens
  })
}

/** The token that stands for all, or the mean of all: states [N, B, D] → [B, D]. */
export const pooled = (states: Tensor, pool: TrunkConfig['pool'] = 'token'): Tensor =>
  pool === 'mean' ? mean(states, 0) : reshape(slice(states, 0, 0, 1), states.shape.slice(1))

/** The last norm and what is read behind it: states [N, B, D] → [B, D]. */
function readout(p: Params, { width, pool, eps }: TrunkConfig) {
  const norm = layerNorm(p.at('layernorm'), width, { eps })
  // The mean is one of normalised states; a token may be normalised after it was taken.
  return (states: Tensor): Tensor => (pool === 'mean' ? pooled(norm(states), pool) : norm(pooled(states)))
}

/** Norm and linear head on what is read of the states [N, B, D]. The head starts at zero, as in the paper. */
export function classifierHead(p: Params, trunk: string, config: TrunkConfig & { readonly classes: number }) {
  const read = readout(p.at(trunk), config)
  const head = linear(p.at('classifier'), config.width, config.classes, { init: zeros })
  return (states: Tensor): Classified => ({ states: transpose(states, [1, 0, 2]), logits: head(read(states)) })
}

/**
 * Patches, positions and blocks: pixels [B, C, H, W] → states of all tokens [N, B, D], after the last block, before the
 * last norm; `seen` is given each block's attention.
 */
function vitTrunk(p: Params, config: Omit<ViTConfig, 'classes'>) {
  const { width, channels, imageSize, patchSize, positions } = config
  const grid = patchGrid(
    imageSize.map((side, i) => side - (side % patchSize[i])),
    patchSize,
  ) as [number, number]
  const embeddings = p.at('embeddings')
  const embed = patches(embeddings.at('patch_embeddings.projection'), { channels, width, patch: patchSize })
  const place = placedTokens(embeddings, config, grid[0] * grid[1])
  const fixed = positions === 'sin-cos' && sinCosPositions(grid, width)
  const blocks = encoder(p.at('encoder.layer'), config, vitNames)
  return (pixels: Tensor, seen?: (weights: Tensor) => void): Tensor => {
    if (pixels.shape.slice(2).join() !== imageSize.join())
      throw new ShapeError('vit', `pixels must be [B, ${channels}, ${imageSize.join(', ')}]`, { pixels })
    const tokens = embed(wholePatches(pixels, patchSize)) // [N, B, D]
    return blocks(place(fixed ? add(tokens, fixed) : tokens), { seen })
  }
}

/** All but the head: pixels [B, C, H, W] → [B, D]. */
export function vitEncoder(p: Params, config: ViTConfig) {
  const states = vitTrunk(p.at('vit'), config)
  const read = readout(p.at('vit'), config)
  return { width: config.width, encode: p.scoped((pixels: Tensor): Tensor => read(states(pixels))) }
}

/** The classifier: pixels [B, C, H, W] → states of all tokens, logits, and attention, computed only where it is asked for. */
export function vit(p: Params, config: ViTConfig) {
  const states = vitTrunk(p.at('vit'), config)
  const classify = classifierHead(p, 'vit', config)
  return p.scoped((pixels: Tensor): ClassifiedPicture => {
    const attention: Tensor[] = []
    return { ...classify(states(pixels, (weights) => attention.push(weights))), attention }
  })
}

/** A table of learned positions [rows, D], which may begin with some that have no place, and its grid. */
export interface PositionTable {
  readonly positions: Float32Array
  readonly grid: readonly [height: number, width: number]
}

/**
 * Learned positions for pictures of another size (section 3.2): linear interpolation between the places of the grid
 * whose corners stay where they are, as in the authors' code; rows before those of the grid are kept.
 */
export function interpolatePositions({ positions, grid }: PositionTable, to: PositionTable['grid'], D: number) {
  const before = positions.length / D - grid[0] * grid[1] // rows
  if (!Number.isInteger(before) || before < 0)
    throw new ShapeError('interpolatePositions', 'positions must be [rows + height · width, D]', {
      positions: positions.length,
      grid,
      width: D,
    })
  const out = new Float32Array((before + to[0] * to[1]) * D)
  out.set(positions.subarray(0, before * D))
  const [rows, columns] = to.map((n, axis) => Array.from({ length: n }, (_, i) => between(i, n, grid[axis])))
  let at = before * D
  for (const y of rows)
    for (const x of columns)
      for (let d = 0; d < D; d++) {
        const value = (row: number, column: number) => positions[(before + row * grid[1] + column) * D + d]
        const line = (row: number) => (1 - x.part) * value(row, x.low) + x.part * value(row, x.high)
        out[at++] = (1 - y.part) * line(y.low) + y.part * line(y.high)
      }
  return out
}

/** Where place i of n lies among `of` places. */
function between(i: number, n: number, of: number): { low: number; high: number; part: number } {
  const place = n === 1 ? 0 : (i * (of - 1)) / (n - 1)
  const low = Math.min(Math.floor(place), of - 1)
  return { low, high: Math.min(low + 1, of - 1), part: place - low }
}

/** Reads the `config.json` of a ViTForImageClassification. */
export function vitConfig(json: unknown): ViTConfig {
  const c = configFields('ViTForImageClassification', json)
  return {
    ...encoderFields(c, vitSizes['ViT-B/16']),
    imageSize: c.counts('image_size', [224, 224], 2) as [number, number],
    patchSize: c.counts('patch_size', [16, 16], 2) as [number, number],
    channels: c.count('num_channels', 3),
    classes: classesOf(c),
  }
}
