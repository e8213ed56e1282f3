import { constant, ShapeError, type Tensor } from '../graph/index.ts'
import { filled, type Params } from '../nn/index.ts'
import { add, exp, mul, softplus, sum } from '../ops/index.ts'
import { clipLogits } from './clip.ts'

// The sigmoid loss of SigLIP (Zhai et al. 2023, arXiv:2303.15343) in the place of CLIP's: every pair of a batch is a
// question of its own, whether they belong together, so that nothing is normalised over the batch.

/** Factor and shift of the products, both learned. */
export interface PairScale {
  readonly scale: Tensor // []
  readonly bias: Tensor // []
}

/** They begin at 10 and −10, where almost no pair is called a match (section 3.2). */
export function pairScale(p: Params): PairScale {
  const logScale = p.get('logit_scale', [], filled(Math.log(10)))
  return { scale: exp(logScale), bias: p.get('logit_bias', [], filled(-10)) }
}

/** Equation 1: row i of both embeddings [B, D], of length 1, belong together; the sum over all pairs divided by B. */
export function siglipLoss(images: Tensor, texts: Tensor, { scale, bias }: PairScale): Tensor {
  const [B] = images.shape
  if (texts.shape[0] !== B)
    throw new ShapeError('siglipLoss', 'there must be one text for each picture', { images, texts })
  const logits = add(clipLogits(images, texts, scale), bias)
  const signs = Float32Array.from({ length: B * B }, (_, i) => (i % B === Math.floor(i / B) ? -1 : 1))
  return mul(sum(softplus(mul(logits, constant(signs, [B, B])))), 1 / B) // −log sigmoid(z) = softplus(−z)
}
