/** The normal distribution function, by Simpson's rule from 0. */
export function cumulative(x: number): number {
  const density = (t: number) => Math.exp(-t * t * 0.5) / Math.sqrt(2 * Math.PI)
  const steps = 200
  let sum = density(0) + density(x)
  for (let i = 1; i < steps; i++) sum += density((i * x) / steps) * (i % 2 === 1 ? 4 : 2)
  return 0.5 + (sum * x) / steps / 3
}
