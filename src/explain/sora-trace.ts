import type { Bilingual } from '../reproduce/reproduction.ts'
import {
  addNoise,
  affine,
  attentionWeights,
  condition,
  conditioned,
  decode,
  denoise,
  encode,
  eulerStep,
  feedForward,
  type Matrix,
  modulated,
  noiseLoss,
  pooled,
  scaleAndShift,
  scores,
  timeWaves,
  toFrames,
  toPatches,
} from './sora-steps.ts'
import { type StepWords, soraStepWords } from './sora-words.ts'

/** A matrix and what it is called. */
export interface NamedMatrix {
  readonly name: string
  readonly values: Matrix
}

/** One of the fourteen steps. */
export interface SoraStep extends StepWords {
  readonly number: number // 1…14
  readonly given: readonly NamedMatrix[]
  readonly result: readonly NamedMatrix[]
  /** What the real module makes of the same numbers, where that differs. */
  readonly really?: readonly NamedMatrix[]
}

/**
 * The numbers. The figures' own, as far as the article tells them: four frames, the prompt "sora is sky", step 3 = 11 in
 * binary, scale (2, −1) and shift (−1, 5). The rest is chosen here, small and of the figures' shapes.
 */
export const soraNumbers = {
  video: [
    [
      [2, 0],
      [1, 2],
    ],
    [
      [1, 1],
      [2, 1],
    ],
    [
      [3, 1],
      [1, 2],
    ],
    [
      [0, 1],
      [2, 3],
    ],
  ],
  encoder: [
    [1, -1, 0, 0, -1],
    [0, 1, 1, 1, 1],
  ],
  noise: [
    [-1, 1, 0, 0],
    [1, 0, -1, -1],
  ],
  text: [1, 0, -1], // "sora is sky"
  step: 3,
  conditioning: [
    [1, 0, 0, 1, 0, 0],
    [0, 1, 1, 0, 0, 0],
    [-1, 0, 0, 1, -1, 0],
    [0, 0, -1, 1, 1, 2],
  ],
  query: [
    [1, 1],
    [0, 1],
  ],
  key: [
    [1, 0],
    [-1, 1],
  ],
  feedForward: [
    [2, -3, 0],
    [1, -2, 0],
  ],
  decoder: [
    [1, 0, 1],
    [-1, 0, 1],
    [0, 1, -4],
    [1, 1, -4],
  ],
} satisfies Record<string, number | number[] | Matrix | readonly Matrix[]>

/** The sentence that says whose the numbers are. */
export const soraNumbersNote: Bilingual = {
  en: 'From the figures, as far as the article tells them: four frames, the prompt, step 3 = 11 in binary, scale (2, −1), shift (−1, 5). The other integers are chosen here, small and of the same shapes. Columns are patches; [W | b] is a matrix with its bias.',
  zh: '文章交代过的数取自原图：4 帧、提示词、第 3 步 = 二进制 11、scale (2, −1)、shift (−1, 5)。其余整数是这里选的，形状相同、数值较小。每一列是一个小块；[W | b] 是带偏置的矩阵。',
}

/** All fourteen steps with their numbers, each computed from those before. */
export function soraTrace(): SoraStep[] {
  const n = soraNumbers
  const named = (name: string, values: Matrix): NamedMatrix => ({ name, values })
  const frames = (list: readonly Matrix[], mark = '') => list.map((frame, i) => named(`frame ${i + 1}${mark}`, frame))

  const patches = toPatches(n.video)
  const latents = encode(n.encoder, patches)
  const noised = addNoise(latents, n.noise)
  const told = condition(n.text, n.step)
  const both = scaleAndShift(n.conditioning, told)
  const x = conditioned(noised, both)
  const attention = scores(x, { q: n.query, k: n.key })
  const weights = attentionWeights(attention, x.length)
  const mixed = pooled(x, attention)
  const predicted = feedForward(n.feedForward, mixed)
  const clean = denoise(noised, predicted)
  const drawn = decode(n.decoder, clean)
  const next = eulerStep(noised, predicted, { from: 1, to: 1 - 1 / n.step })

  const numbers: Omit<SoraStep, keyof StepWords | 'number'>[] = [
    { given: [], result: frames(n.video) },
    { given: frames(n.video), result: [named('p', patches)] },
    {
      given: [named('[We | be]', n.encoder), named('p', patches)],
      result: [named('z', latents)],
      really: [named('We p + be', affine(n.encoder, patches))],
    },
    { given: [named('z', latents), named('ε', n.noise)], result: [named('x', noised)] },
    {
      given: [named('text', column(n.text)), named('t', column([n.step]))],
      result: [named('c', told)],
      really: [named('waves of t', timeWaves(n.step, 2))],
    },
    { given: [named('[Wc | bc]', n.conditioning), named('c', told)], result: [named('scale, shift', both)] },
    {
      given: [named('x', noised), named('scale, shift', both)],
      result: [named('y', x)],
      really: [named('norm(x) (1 + scale) + shift', modulated(noised, both))],
    },
    {
      given: [named('y', x), named('Wq', n.query), named('Wk', n.key)],
      result: [named('A', attention)],
      really: [named('softmax(A / √2)', weights)],
    },
    {
      given: [named('y', x), named('A', attention)],
      result: [named('m', mixed)],
      really: [named('y softmax(A / √2)ᵀ', pooled(x, weights))],
    },
    { given: [named('[Wf | bf]', n.feedForward), named('m', mixed)], result: [named('ε̂', predicted)] },
    {
      given: [named('ε̂', predicted), named('ε', n.noise)],
      result: [named('loss', [[noiseLoss(predicted, n.noise)]])],
    },
    {
      given: [named('x', noised), named('ε̂', predicted)],
      result: [named('ẑ', clean)],
      really: [named('x after 1 of 3 steps', next)],
    },
    {
      given: [named('[Wd | bd]', n.decoder), named('ẑ', clean)],
      result: [named('p̂', drawn)],
      really: [named('Wd ẑ + bd', affine(n.decoder, clean))],
    },
    { given: [named('p̂', drawn)], result: frames(toFrames(drawn, 2), '′') },
  ]
  return numbers.map((step, i) => ({ number: i + 1, ...soraStepWords[i], ...step }))
}

const column = (values: readonly number[]): Matrix => values.map((value) => [value])
