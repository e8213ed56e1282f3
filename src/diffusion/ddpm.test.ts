import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stream } from '../random.ts'
import { diffuse, posterior } from './ddpm.ts'

const n = 50_000
const draw = (purpose: string) => stream({ seed: 6, purpose }).normal(n)
const moments = (x: Float32Array) => {
  const mean = x.reduce((sum, v) => sum + v, 0) / x.length
  return { mean, variance: x.reduce((sum, v) => sum + (v - mean) ** 2, 0) / x.length }
}
const near = (got: number, want: number, tolerance: number) =>
  assert.ok(Math.abs(got - want) < tolerance, `${got}, not ${want}`)

test('the closed form equals many small steps of the forward process', () => {
  const betas = [0.05, 0.1, 0.2, 0.3]
  let x = new Float32Array(n).fill(2)
  let alphaBar = 1
  for (const [t, beta] of betas.entries()) {
    const eps = draw(`step ${t}`)
    x = x.map((v, i) => Math.sqrt(1 - beta) * v + Math.sqrt(beta) * eps[i])
    alphaBar *= 1 - beta
  }
  const direct = moments(diffuse(new Float32Array(n).fill(2), draw('direct'), [alphaBar]))
  near(moments(x).mean, direct.mean, 0.02)
  near(moments(x).variance, direct.variance, 0.02)
  near(direct.mean, 2 * Math.sqrt(alphaBar), 0.02)
  near(direct.variance, 1 - alphaBar, 0.02)
})

test('each sample of a batch gets its own share of noise', () => {
  const xt = diffuse(Float32Array.of(1, 1, 1, 1), Float32Array.of(2, 2, 2, 2), [1, 0])
  assert.deepEqual([...xt], [1, 1, 2, 2])
})

test('one posterior step back from xt gives the distribution that x has one step earlier', () => {
  const [previous, alphaBar] = [0.6, 0.4]
  const x0 = new Float32Array(n).fill(1.5)
  const xt = diffuse(x0, draw('forward'), [alphaBar])
  const { fromX0, fromXt, variance, beta } = posterior(alphaBar, previous)
  const eps = draw('back')
  const earlier = moments(xt.map((v, i) => fromX0 * x0[i] + fromXt * v + Math.sqrt(variance) * eps[i]))
  near(earlier.mean, 1.5 * Math.sqrt(previous), 0.02)
  near(earlier.variance, 1 - previous, 0.02)
  near(beta, 1 - 0.4 / 0.6, 1e-12)
  assert.ok(variance < beta)
})

test('the last step back lands on x0 exactly', () => {
  const { fromX0, fromXt, variance } = posterior(0.9, 1)
  near(fromX0, 1, 1e-12)
  assert.equal(fromXt, 0)
  assert.equal(variance, 0)
})
