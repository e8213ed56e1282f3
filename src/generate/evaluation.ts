import { type BootstrapOptions, type Estimate, meanEstimate, ratioEstimate } from '../metrics/bootstrap.ts'
import type { Features } from '../metrics/features.ts'
import { frechet, frechetEstimate } from '../metrics/frechet.ts'
import { kid, kidEstimate } from '../metrics/kid.ts'
import { likenessRanks, type Thumbnails, thumbnails } from '../metrics/likeness.ts'
import { type Closure, closure } from '../metrics/loop.ts'
import { frameChanges, frameDistances, type Loop, type RightFrames, rightFrames } from '../metrics/motion.ts'
import { psnr, squaredError } from '../metrics/psnr.ts'
import { foundWithin, ranks } from '../metrics/retrieval.ts'

/** What is known of one clip: where CLIP places it, how it moves, and how it compares with the real one. */
export interface Measured {
  readonly embedding: Float32Array // [P], length 1
  readonly closure: Closure
  readonly right: RightFrames
  readonly thumbnails: Thumbnails
  readonly error: number // mean squared difference on white
}

/** One concept: its label, and its clip as it is, through the autoencoder, and as it was drawn. */
export interface Subject {
  readonly split: 'train' | 'held-out'
  readonly label: string
  readonly text: Float32Array // [P], of the label
  readonly chance: Pick<RightFrames, 'inPhase' | 'best'> // of frames picked blindly among the real ones
  readonly real: Measured
  readonly autoencoder: Measured
  readonly drawn: Measured
}

/** A figure of the drawn clips; of the same clips through the autoencoder and of the real ones where that says something. */
export interface Metric extends Estimate {
  readonly autoencoder?: number
  readonly real?: number
  readonly chance?: number // what a blind guess reaches
}

/** The figures of an evaluation, in the order in which they are shown. */
export const metricNames = [
  'recall@1',
  'recall@5',
  'label@1',
  'label@5',
  'nearest@1',
  'nearest@5',
  'frechet',
  'frechet-infinity',
  'kid',
  'amplitude',
  'right-frame',
  'in-phase',
  'loop',
  'closed',
  'psnr',
  'psnr-pooled',
] as const
export type MetricName = (typeof metricNames)[number]

/** The figures of one part of a data set. */
export interface PartScores {
  readonly clips: number
  readonly moving: number // clips whose real frames change by `movingFrom` or more
  readonly metrics: Readonly<Record<MetricName, Metric>>
}

/** Mean change between neighbouring frames, as a part of full range, from which a clip counts as moving. */
const movingFrom = 0.005

/** Measures a clip against the real one, both on white and of one size. */
export const measure = (loop: Loop, real: Loop, embedding: Float32Array): Measured => ({
  embedding,
  closure: closure(frameChanges(loop)),
  right: rightFrames(frameDistances(loop, real), loop.count),
  thumbnails: thumbnails(loop),
  error: squaredError(loop.bytes, real.bytes),
})

type Kind = 'real' | 'autoencoder' | 'drawn'
const kinds: readonly Kind[] = ['real', 'autoencoder', 'drawn']

/** The figures of one part of all subjects: texts and clips are looked for among those of both parts. */
export function partScores(all: readonly Subject[], split: Subject['split'], { seed }: { seed: number }): PartScores {
  const own = all.flatMap((subject, i) => (subject.split === split ? [i] : []))
  const part = own.map((i) => all[i])
  const moving = part.filter(({ real }) => real.closure.others >= movingFrom)
  const metrics = {
    ...retrieval(all, own, { seed }),
    ...nearness(all, own, { seed }),
    ...distances(part, { seed }),
    ...motion(moving, { seed }),
    ...likeness(part, { seed }),
  }
  return { clips: part.length, moving: moving.length, metrics }
}

/** A figure of each kind of clip; of the drawn ones with an interval. */
function three(
  figure: (kind: Kind) => Estimate,
  { chance, without = [] }: { chance?: number; without?: readonly Kind[] } = {},
): Metric {
  const others = kinds.filter((kind) => kind !== 'drawn' && !without.includes(kind))
  const values = Object.fromEntries(others.map((kind) => [kind, figure(kind).value]))
  return { ...figure('drawn'), ...values, ...(chance === undefined ? {} : { chance }) }
}

const nothing: Estimate = { value: Number.NaN, low: Number.NaN, high: Number.NaN }

/**
 * recall: a label finds its clip among all clips; label: a clip finds its label among all labels. Clips of one label do not
 * compete with each other.
 */
function retrieval(all: readonly Subject[], own: readonly number[], options: BootstrapOptions) {
  const texts = all.map(({ text }) => text)
  const labels = new Set(all.map(({ label }) => label)).size
  const recall = (kind: Kind, k: number, toLabel: boolean) => {
    const clips = all.map((subject) => subject[kind].embedding)
    const [from, to] = toLabel ? [clips, texts] : [texts, clips]
    const places = ranks(
      own.map((i) => from[i]),
      to,
      own,
      (right, other) => all[right].label !== all[other].label,
    )
    return meanEstimate(foundWithin(places, k), options)
  }
  const at = (k: number, toLabel: boolean) =>
    three((kind) => recall(kind, k, toLabel), { chance: Math.min(1, k / labels) })
  return { 'recall@1': at(1, false), 'recall@5': at(5, false), 'label@1': at(1, true), 'label@5': at(5, true) }
}

/** Whether a clip looks more like its own real clip than like any other. */
function nearness(all: readonly Subject[], own: readonly number[], options: BootstrapOptions) {
  const real = all.map((subject) => subject.real.thumbnails)
  const places = { drawn: placesOf('drawn'), autoencoder: placesOf('autoencoder') }
  function placesOf(kind: 'drawn' | 'autoencoder') {
    const clips = own.map((i) => all[i][kind].thumbnails)
    return likenessRanks(clips, real, own)
  }
  const at = (k: number): Metric => ({
    ...meanEstimate(foundWithin(places.drawn, k), options),
    autoencoder: meanEstimate(foundWithin(places.autoencoder, k), options).value,
    chance: Math.min(1, k / all.length),
  })
  return { 'nearest@1': at(1), 'nearest@5': at(5) }
}

/** Distances of the features from the real ones; scaled to length √P, so that a feature is about 1 on the mean. */
function distances(part: readonly Subject[], options: BootstrapOptions) {
  if (part.length < 2) return { frechet: nothing, 'frechet-infinity': nothing, kid: nothing }
  const features = (kind: Kind): Features =>
    part.map((subject) => subject[kind].embedding.map((x) => x * Math.sqrt(subject[kind].embedding.length)))
  const [real, made, drawn] = kinds.map(features)
  const { plain, infinite } = frechetEstimate(real, drawn, options)
  return {
    frechet: { ...plain, autoencoder: frechet(real, made) },
    'frechet-infinity': infinite,
    kid: { ...kidEstimate(real, drawn, options), autoencoder: kid(real, made) },
  }
}

function motion(moving: readonly Subject[], options: BootstrapOptions) {
  if (moving.length === 0)
    return { amplitude: nothing, 'right-frame': nothing, 'in-phase': nothing, loop: nothing, closed: nothing }
  const of = (kind: Kind, figure: (measured: Measured) => number) => moving.map((subject) => figure(subject[kind]))
  const mean = (figure: (measured: Measured) => number) => (kind: Kind) => meanEstimate(of(kind, figure), options)
  const others = ({ closure }: Measured) => closure.others
  const chance = (of: 'inPhase' | 'best') =>
    moving.reduce((sum, subject) => sum + subject.chance[of], 0) / moving.length
  return {
    amplitude: three((kind) => ratioEstimate(of(kind, others), of('real', others), options), { without: ['real'] }),
    'right-frame': three(
      mean(({ right }) => right.best),
      { chance: chance('best'), without: ['real'] },
    ),
    'in-phase': three(
      mean(({ right }) => right.inPhase),
      { chance: chance('inPhase'), without: ['real'] },
    ),
    loop: three((kind) =>
      ratioEstimate(
        of(kind, ({ closure }) => closure.last),
        of(kind, others),
        options,
      ),
    ),
    closed: three(mean(({ closure }) => Number(closure.closed))),
  }
}

/** The least mean squared difference that counts, in levels²: the variance of rounding to whole levels, 58.9 dB. */
const leastError = 1 / 12

/**
 * How near clips are to the real ones, frame by frame, in dB: the mean over clips, and of all their pixels together. A
 * clip nearer than `leastError` counts as that near, as an exact one would make the mean of all infinite.
 */
function likeness(part: readonly Subject[], options: BootstrapOptions) {
  const errors = (kind: Kind) => part.map((subject) => Math.max(leastError, subject[kind].error))
  const pooled = (kind: Kind): Estimate => {
    const { value, low, high } = meanEstimate(errors(kind), options)
    return { value: psnr(value), low: psnr(high), high: psnr(low) }
  }
  return {
    psnr: three((kind) => meanEstimate(errors(kind).map(psnr), options), { without: ['real'] }),
    'psnr-pooled': three(pooled, { without: ['real'] }),
  }
}
