import { z } from 'zod'
import { needed, posterior } from './ddpm.ts'
import { checkTerminal, predictionConfig, split } from './prediction.ts'
import { alphaBars, scheduleConfig, spacedTimesteps } from './schedule.ts'
import type { Scheduler } from './step.ts'

/** Settings under the names of diffusers' DDIMScheduler. */
export const ddimConfig = z.object({
  ...scheduleConfig.shape,
  ...predictionConfig.shape,
  /** Whether the last step ends at ᾱ = 1, the data, or at the first training step (Stable Diffusion). */
  set_alpha_to_one: z.boolean().default(true),
})
export type DDIMConfig = z.infer<typeof ddimConfig>

/**
 * Denoising diffusion implicit models (Song et al. 2021, equation 12): few steps, without noise where `eta` is 0; with
 * `eta` 1 the variance is DDPM's (equation 16).
 */
export function ddim(config: DDIMConfig, steps: number, { eta = 0 } = {}): Scheduler {
  const bars = alphaBars(config)
  const timesteps = spacedTimesteps(config, steps)
  checkTerminal(bars[timesteps[0]], config)
  const stride = Math.floor(bars.length / steps)
  const last = config.set_alpha_to_one ? 1 : bars[0]

  return {
    timesteps,
    initNoiseSigma: 1,
    drawsNoise: () => eta > 0,
    step({ prediction, x, index, noise, batch = 1 }) {
      const t = timesteps[index]
      const alphaBar = bars[t]
      const previous = t >= stride ? bars[t - stride] : last
      const sigma = eta * Math.sqrt(Math.max(0, posterior(alphaBar, previous).variance))
      const { x0, eps } = split(prediction, x, { alphaBar, batch, config })
      const [a, s] = [Math.sqrt(previous), Math.sqrt(Math.max(0, 1 - previous - sigma * sigma))]
      const next = new Float32Array(x.length)
      for (let i = 0; i < x.length; i++) next[i] = a * x0[i] + s * eps[i]
      if (eta > 0) {
        const drawn = needed(noise, index)
        for (let i = 0; i < x.length; i++) next[i] += sigma * drawn[i]
      }
      return next
    },
  }
}
