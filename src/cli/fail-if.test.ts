import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Evaluation } from '../generate/evaluate.ts'
import { metricNames } from '../generate/evaluation.ts'
import { failIf, metConditions } from './fail-if.ts'
import { translator } from './messages/index.ts'

const parse = (...texts: string[]) =>
  texts.reduce((list, text) => failIf(translator('en'))(text, list), [] as ReturnType<ReturnType<typeof failIf>>)

const part = (value: number) => ({
  ...{ clips: 1, moving: 1 },
  metrics: Object.fromEntries(
    metricNames.map((name) => [name, { value, low: value, high: value, autoencoder: 10 * value }]),
  ) as Evaluation['training']['metrics'],
})
const evaluation = { training: part(1), heldOut: part(2) } as Evaluation

const met = (...texts: string[]) => metConditions(parse(...texts), evaluation).map(({ condition }) => condition)

test('each sign compares as it is read', () => {
  assert.deepEqual(met('kid<1', 'kid<=1', 'kid>1', 'kid>=1', 'kid<1.01', 'kid>-1e3'), [
    'kid<=1',
    'kid>=1',
    'kid<1.01',
    'kid>-1e3',
  ])
})

test('a part and a kind of clip may be named', () => {
  assert.deepEqual(met('held-out/kid<2', 'held-out/kid < 2.5', 'training/recall@1>0.5'), [
    'held-out/kid < 2.5',
    'training/recall@1>0.5',
  ])
  assert.deepEqual(met('psnr/autoencoder<10.5', 'held-out/psnr/autoencoder<10.5', 'psnr/drawn<2'), [
    'psnr/autoencoder<10.5',
    'psnr/drawn<2',
  ])
})

test('a figure that there is not fails, as nothing speaks for the model', () => {
  assert.deepEqual(met('kid/real>1000'), ['kid/real>1000'])
  const without = { training: part(Number.NaN) } as Evaluation
  assert.equal(metConditions(parse('kid>5', 'held-out/kid>5'), without).length, 2)
})

test('what is no condition is refused with the figures that there are', () => {
  for (const text of [
    '',
    'kid',
    'kid<',
    'kid<x',
    'kid=1',
    'kidd<1',
    '<1',
    'test/kid<1',
    'kid/text<1',
    'kid<1<2',
    'kid<.',
    'kid<1e999',
    'Held-out/kid<1',
    'kid/Real<1',
  ])
    assert.throws(() => parse(text), /PART\/FIGURE\/KIND<NUMBER .*recall@1, recall@5/, text)
})
