import { InvalidArgumentError } from '@commander-js/extra-typings'
import type { Evaluation } from '../generate/evaluate.ts'
import { type Metric, type MetricName, metricNames } from '../generate/evaluation.ts'
import type { Translate } from './messages/index.ts'

/** A limit on one figure of an evaluation, as the user wrote it. */
export interface Condition {
  readonly text: string
  readonly part: 'training' | 'heldOut'
  readonly name: MetricName
  readonly kind: 'value' | 'autoencoder' | 'real'
  readonly holds: (value: number) => boolean
}

const compare: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
}

const pattern =
  /^(?:(?<part>training|held-out)\/)?(?<name>[\w@-]+)(?:\/(?<kind>drawn|autoencoder|real))?\s*(?<sign>[<>]=?)\s*(?<limit>[-+.\deE]+)$/

/** A parser for a flag that may be given several times: 'recall@1<0.9', 'held-out/psnr/autoencoder < 26'. */
export const failIf =
  (t: Translate) =>
  (text: string, before: readonly Condition[]): readonly Condition[] => {
    const { part, name, kind, sign, limit } = pattern.exec(text.trim())?.groups ?? {}
    const known = metricNames.find((one) => one === name)
    const number = Number(limit)
    if (!known || !Number.isFinite(number))
      throw new InvalidArgumentError(t('evaluate.condition', { names: metricNames.join(', ') }))
    const condition: Condition = {
      text,
      part: part === 'held-out' ? 'heldOut' : 'training',
      name: known,
      kind: kind === 'autoencoder' || kind === 'real' ? kind : 'value',
      holds: (value) => compare[sign](value, number),
    }
    return [...before, condition]
  }

/** The conditions that hold; one about a figure that there is not holds, as it says nothing good of the model. */
export function metConditions(conditions: readonly Condition[], evaluation: Evaluation) {
  return conditions.flatMap(({ text, part, name, kind, holds }) => {
    const metric: Metric | undefined = evaluation[part]?.metrics[name]
    const value = metric?.[kind] ?? Number.NaN
    return Number.isNaN(value) || holds(value) ? [{ condition: text, value }] : []
  })
}
