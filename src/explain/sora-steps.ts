/**
 * The fourteen steps by which Tom Yeh computes Sora by hand (figures 5-20 to 5-23 of the article), each a pure function on
 * small integers. Columns are patches. A matrix with its bias is [W | b], as the figures draw it.
 */
export type Matrix = readonly (readonly number[])[]

/** a [M, K] · b [K, N] → [M, N] */
const product = (a: Matrix, b: Matrix): Matrix =>
  a.map((row) => b[0].map((_, n) => row.reduce((sum, value, k) => sum + value * b[k][n], 0)))

/** [M, N] → [N, M] */
const turned = (a: Matrix): Matrix => a[0].map((_, n) => a.map((row) => row[n]))

const zip = (a: Matrix, b: Matrix, f: (x: number, y: number) => number): Matrix =>
  a.map((row, m) => row.map((x, n) => f(x, b[m][n])))

/** W x + b for layers [W | b], in [M, K + 1], and x [K, N] → [M, N] */
export const affine = (layer: Matrix, x: Matrix): Matrix => product(layer, [...x, x[0].map(() => 1)])

/** Negative numbers become 0. */
const relu = (x: Matrix): Matrix => x.map((row) => row.map((value) => Math.max(0, value)))

/** Step 2: frames [T] of [H, W] → patches [H · W, T]; here a patch is a whole frame. */
export const toPatches = (frames: readonly Matrix[]): Matrix => turned(frames.map((frame) => frame.flat()))

/** Step 3: latents z = ReLU(W p + b). */
export const encode = (layer: Matrix, patches: Matrix): Matrix => relu(affine(layer, patches))

/** Step 4: the noised latents z + ε. */
export const addNoise = (latents: Matrix, noise: Matrix): Matrix => zip(latents, noise, (z, e) => z + e)

/** Step 5: the text's numbers above the binary digits of the diffusion step, one column. */
export const condition = (text: readonly number[], step: number): Matrix =>
  [...text, ...[...step.toString(2)].map(Number)].map((value) => [value])

/** Step 6: scale and shift, [2D, 1], from the condition. */
export const scaleAndShift = (layer: Matrix, told: Matrix): Matrix => affine(layer, told)

/** Step 7: each row of the noised latents times its scale plus its shift. */
export const conditioned = (noised: Matrix, both: Matrix): Matrix =>
  noised.map((row, d) => row.map((value) => value * both[d][0] + both[d + noised.length][0]))

/** Step 8: scores [N, N]: row i holds the query of patch i times the key of every patch. */
export const scores = (x: Matrix, { q, k }: { q: Matrix; k: Matrix }): Matrix =>
  product(turned(product(q, x)), product(k, x))

/** Step 9: each patch becomes the sum of all, weighted by its row of the scores. */
export const pooled = (x: Matrix, weights: Matrix): Matrix => product(x, turned(weights))

/** Step 10: the noise that the network predicts, from a layer on each patch alone. */
export const feedForward = (layer: Matrix, x: Matrix): Matrix => affine(layer, x)

/** Step 11: the mean squared error of the noise. */
export const noiseLoss = (predicted: Matrix, noise: Matrix): number => {
  const errors = zip(predicted, noise, (a, b) => (a - b) ** 2).flat()
  return errors.reduce((a, b) => a + b) / errors.length
}

/** Step 12: the noised latents without the predicted noise. */
export const denoise = (noised: Matrix, predicted: Matrix): Matrix => zip(noised, predicted, (x, e) => x - e)

/** Step 13: patches p = ReLU(W z + b). */
export const decode = (layer: Matrix, latents: Matrix): Matrix => relu(affine(layer, latents))

/** Step 14: patches [H · W, T] → frames of `width` columns, the opposite of step 2. */
export const toFrames = (patches: Matrix, width: number): Matrix[] =>
  turned(patches).map((pixels) =>
    Array.from({ length: pixels.length / width }, (_, y) => pixels.slice(y * width, (y + 1) * width)),
  )

// What the real modules do with the same numbers, where the exercise is simpler than they are.

/** Sinusoids of a time (Ho et al. 2020, appendix B), one column: cosines, then sines. */
export const timeWaves = (time: number, half: number): Matrix =>
  [Math.cos, Math.sin].flatMap((wave) =>
    Array.from({ length: half }, (_, i) => [wave(time * Math.exp((-Math.log(10000) * i) / half))]),
  )

/** adaLN: each patch brought to mean 0 and deviation 1, times 1 + scale, plus shift. */
export function modulated(noised: Matrix, both: Matrix, eps = 1e-6): Matrix {
  const normalised = turned(noised).map((column) => {
    const mean = column.reduce((a, b) => a + b) / column.length
    const variance = column.reduce((sum, value) => sum + (value - mean) ** 2, 0) / column.length
    return column.map((value) => (value - mean) / Math.sqrt(variance + eps))
  })
  return conditioned(
    turned(normalised),
    both.map(([value], i) => [i < noised.length ? 1 + value : value]),
  )
}

/** softmax(scores / √d), row by row. */
export const attentionWeights = (given: Matrix, d: number): Matrix =>
  given.map((row) => {
    const powers = row.map((value) => Math.exp((value - Math.max(...row)) / Math.sqrt(d)))
    const sum = powers.reduce((a, b) => a + b)
    return powers.map((value) => value / sum)
  })

/** Euler's step along the flow: x + (t′ − t) v. */
export const eulerStep = (x: Matrix, v: Matrix, { from, to }: { from: number; to: number }): Matrix =>
  zip(x, v, (value, slope) => value + (to - from) * slope)
