import { broadcastShapes, constant, ShapeError, sameShape, type Tensor } from '../graph/index.ts'
import { add, batchedMatmul, cast, mul, reshape, softmax, sub, transpose } from '../ops/index.ts'
import { type LinearOptions, linear } from './linear.ts'
import { rmsNorm } from './norm.ts'
import type { Params } from './params.ts'

/** Names under which a checkpoint keeps the four projections. */
export interface AttentionNames {
  readonly q: string
  readonly k: string
  readonly v: string
  readonly out: string
}

/** Settings of an attention layer. */
export interface AttentionConfig {
  readonly width: number // D, of the tokens in and out
  readonly heads: number // h, must divide the width of q, k and v
  readonly inner?: number // width of q, k and v, all heads together; D where absent
  readonly contextWidth?: number // of the tokens that are read, where they differ from the ones that ask
  readonly names?: AttentionNames
  readonly qkNorm?: boolean // q and k normalised over all heads together (names norm_q, norm_k), for stable training
  readonly qkvBias?: boolean
  readonly outBias?: boolean
  readonly init?: LinearOptions['init']
  readonly outInit?: LinearOptions['init']
  readonly eps?: number // of the q and k norm
}

/** What an attention layer may be given beside the tokens. */
export interface AttentionInputs {
  readonly context?: Tensor // [M, B, D context], the tokens that are read; x itself where absent
  readonly mask?: Tensor // broadcasts to [B, h, N, M]; added to the scores: 0 keeps a pair, a large negative number hides it
  readonly rotate?: (x: Tensor) => Tensor // rotary positions, applied to q and k [N, B, D]
  /** How queries, keys and values become the answers [N, B, D], where not every token reads all others. */
  readonly read?: (q: Tensor, k: Tensor, v: Tensor) => Tensor
  readonly seen?: AttendOptions['seen'] // not called where `read` is given
}

const diffusersNames: AttentionNames = { q: 'to_q', k: 'to_k', v: 'to_v', out: 'to_out.0' }

/**
 * Multi-head attention (Vaswani et al. 2017, section 3.2.2): x [N, B, D] → [N, B, D].
 *
 * Tokens come first and samples second, so that the heads [N, B·h, d] are a view and modulation [B, D] broadcasts.
 */
export function attention(p: Params, config: AttentionConfig) {
  const { width, heads, inner = width, contextWidth = width, names = diffusersNames, qkNorm = false } = config
  const { init, outInit = init, qkvBias: bias, eps } = config
  if (inner % heads !== 0) throw new ShapeError('attention', 'heads must divide width', { width: inner, heads })
  const toQ = linear(p.at(names.q), width, inner, { bias, init })
  const toK = linear(p.at(names.k), contextWidth, inner, { bias, init })
  const toV = linear(p.at(names.v), contextWidth, inner, { bias, init })
  const normQ = qkNorm ? rmsNorm(p.at('norm_q'), inner, { eps }) : same
  const normK = qkNorm ? rmsNorm(p.at('norm_k'), inner, { eps }) : same
  const toOut = linear(p.at(names.out), inner, width, { bias: config.outBias, init: outInit })

  return p.scoped((x: Tensor, { context = x, mask, rotate = same, read, seen }: AttentionInputs = {}): Tensor => {
    const q = rotate(normQ(toQ(x))) // [N, B, D]
    const k = rotate(normK(toK(context))) // [M, B, D]
    const v = toV(context)
    return toOut(read?.(q, k, v) ?? attend(q, k, v, { heads, mask, seen })) // [N, B, D]
  })
}

const same = (x: Tensor) => x

/** How scores become a mean of values. */
interface AttendOptions {
  readonly heads: number
  readonly mask?: Tensor
  readonly scale?: number // of the scores; 1 / √d where absent
  readonly seen?: (weights: Tensor) => void // is given the attention weights [B, h, N, M]; each row sums to 1
}

/** softmax(q kᵀ / √d) v in each head (Vaswani et al. 2017, equation 1): q [N, B, D], k and v [M, B, D] → [N, B, D]. */
export function attend(q: Tensor, k: Tensor, v: Tensor, { heads, mask, scale: given, seen }: AttendOptions): Tensor {
  const [N, B, D] = q.shape
  const M = k.shape[0]
  if (!sameShape(k.shape, [M, B, D]) || !sameShape(v.shape, k.shape))
    throw new ShapeError('attention', 'q, k and v must be [N, B, D], [M, B, D] and [M, B, D]', { q, k, v })
  const split = (t: Tensor, rows: number) => reshape(t, [rows, B * heads, D / heads]) // [rows, B·h, d]
  const scale = given ?? (D / heads) ** -0.5
  let scores = batchedMatmul(split(q, N), split(k, M), { leadA: true, leadB: true, transposeB: true, scale }) // [B·h, N, M]
  if (mask) scores = reshape(masked(reshape(scores, [B, heads, N, M]), mask), [B * heads, N, M])
  const weights = softmax(scores)
  seen?.(reshape(weights, [B, heads, N, M]))
  const y = batchedMatmul(weights, split(v, M), { leadB: true }) // [B·h, N, d]
  return reshape(transpose(y, [1, 0, 2]), [N, B, D])
}

/** The mask of pairs that may meet, true or 1: 0 for them, a large negative number for all others. */
export const hideUnless = (meets: Tensor): Tensor => mul(sub(cast(meets, 'float32'), 1), 1e9)

function masked(scores: Tensor, mask: Tensor): Tensor {
  const shape = broadcastShapes(scores.shape, mask.shape)
  if (!shape || !sameShape(shape, scores.shape))
    throw new ShapeError('attention', 'the mask must broadcast to [B, h, N, M]', { mask, scores })
  return add(scores, mask)
}

/** Added to the scores [N, N]: 0 for a token itself and those before it, a large negative number for later ones. */
export function causalMask(N: number): Tensor {
  const mask = Float32Array.from({ length: N * N }, (_, i) => (i % N > Math.floor(i / N) ? -1e9 : 0))
  return constant(mask, [N, N])
}
