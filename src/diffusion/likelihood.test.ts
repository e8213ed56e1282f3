import { test } from 'node:test'
import { assertClose } from '../../test/close.ts'
import { ddpmConfig } from './ddpm.ts'
import { priorBits } from './likelihood.ts'

test('the prior costs the divergence of N(√ᾱ x0, 1 − ᾱ) from N(0, 1), in bits per dimension of each sample', () => {
  const [mean, variance] = [Math.sqrt(0.9 * 0.8), 1 - 0.9 * 0.8] // ᾱ of both steps
  const nats = (x: number) => 0.5 * ((mean * x) ** 2 + variance - 1 - Math.log(variance))
  const bits = priorBits(Float32Array.of(0, 1, -0.5, 2, 0.25, -3), ddpmConfig.parse({ trained_betas: [0.1, 0.2] }), 2)
  const want = [nats(0) + nats(1) + nats(-0.5), nats(2) + nats(0.25) + nats(-3)].map((sum) => sum / 3 / Math.LN2)
  assertClose(bits, want, 1e-12, 'bits')
})
