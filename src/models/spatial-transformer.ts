import type { Tensor } from '../graph/index.ts'
import { attention, conv2d, groupNorm, layerNorm, linear, mlp, type Params, zeros } from '../nn/index.ts'
import { add, gelu, reshape, transpose } from '../ops/index.ts'

/** Settings of a spatial transformer. */
export interface SpatialTransformerConfig {
  readonly channels: number
  readonly heads: number
  readonly contextWidth: number // D of the text states
  readonly depth: number // blocks
  readonly groups: number // of the norm before
  readonly linear: boolean // layers in and out act on tokens (Stable Diffusion 2) and not as 1 × 1 convolutions
}

/**
 * Pixels as tokens that look at each other and at the text (Rombach et al. 2022, arXiv:2112.10752, section 3.3 and
 * appendix E.2.1), class Transformer2DModel of diffusers: x [B, C, H, W], context [L, B, D] → [B, C, H, W]. The last layer
 * starts at zero.
 */
export function spatialTransformer(p: Params, config: SpatialTransformerConfig) {
  const { channels, depth, groups, linear: onTokens } = config
  const norm = groupNorm(p.at('norm'), channels, { groups, eps: 1e-6 })
  const layer = (name: string, init?: typeof zeros) =>
    onTokens
      ? linear(p.at(name), channels, channels, { init })
      : conv2d(p.at(name), channels, channels, { kernel: 1, init })
  const [projectIn, projectOut] = [layer('proj_in'), layer('proj_out', zeros)]
  const blocks = Array.from({ length: depth }, (_, i) => block(p.at(`transformer_blocks.${i}`), config))
  return p.scoped((x: Tensor, context: Tensor): Tensor => {
    const [B, C, H, W] = x.shape
    const toTokens = (t: Tensor) => transpose(reshape(t, [B, C, H * W]), [2, 0, 1]) // [N, B, C]
    const toPixels = (t: Tensor) => reshape(transpose(t, [1, 2, 0]), x.shape)
    const start = norm(x)
    const tokens = blocks.reduce(
      (t, one) => one(t, context),
      onTokens ? projectIn(toTokens(start)) : toTokens(projectIn(start)),
    )
    return add(x, onTokens ? toPixels(projectOut(tokens)) : projectOut(toPixels(tokens)))
  })
}

/** Self-attention, cross-attention to the text, and a gated feed-forward network (GEGLU: Shazeer 2020): x [N, B, C] → the same. */
function block(p: Params, { channels: width, heads, contextWidth }: SpatialTransformerConfig) {
  const [norm1, norm2, norm3] = [1, 2, 3].map((i) => layerNorm(p.at(`norm${i}`), width))
  const attend = attention(p.at('attn1'), { width, heads, qkvBias: false })
  const read = attention(p.at('attn2'), { width, heads, contextWidth, qkvBias: false })
  const feed = mlp(p.at('ff'), { width, hidden: 4 * width, activation: gelu, gated: true })
  return p.scoped((x: Tensor, context: Tensor): Tensor => {
    x = add(x, attend(norm1(x)))
    x = add(x, read(norm2(x), { context }))
    return add(x, feed(norm3(x)))
  })
}
