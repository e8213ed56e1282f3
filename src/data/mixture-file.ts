import { writeSafetensors } from '../files/checkpoint.ts'
import { stream } from '../random.ts'
import type { GaussianMixture } from './mixture.ts'

/**
 * Writes points of a mixture with what is known of them: `x` [N, D], `log_density` [N] and `score` [N, D], the gradient of
 * the log density; the metadata holds the components, from which both follow at any noise level (`gaussianMixture`).
 */
export async function writeMixture(
  path: string,
  mixture: GaussianMixture,
  { count, seed }: { count: number; seed: number },
): Promise<void> {
  const { components, dimensions } = mixture
  const x = mixture.sample(stream({ seed, purpose: 'points' }), count)
  const { logDensity, score } = mixture.moments(x, 1)
  const arrays = {
    x: { data: x, shape: [count, dimensions] },
    log_density: { data: Float32Array.from(logDensity), shape: [count] },
    score: { data: score, shape: [count, dimensions] },
  }
  await writeSafetensors(path, arrays, { metadata: { components: JSON.stringify(components), seed: String(seed) } })
}
