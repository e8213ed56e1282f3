import { tinyRecipe } from './tiny.ts'

/** All that has a state: buffers, moments, Muon's momentum, averages, sums of gradients, a weight that is clamped. */
export default tinyRecipe('everything', () => ({
  accumulate: 2,
  optimizer: { muon: (name) => name === 'up.weight', ema: 0.9, clip: 0.5, weightDecay: 0.1 },
  after: (weights) => weights['down.bias'].fill(Math.max(-0.01, weights['down.bias'][0])),
  pictures: async (weights) => ({ 'bias.txt': new TextEncoder().encode(String(weights['down.bias'].data[0])) }),
}))
