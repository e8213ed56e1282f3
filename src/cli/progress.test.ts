import assert from 'node:assert/strict'
import { test } from 'node:test'
import { recordingIo } from '../../test/cli.ts'
import { makeShell } from './command.ts'
import { translator } from './messages/index.ts'
import { type ProgressOptions, progress } from './progress.ts'

interface Setting {
  isTTY?: boolean
  columns?: number
  quiet?: true
  lang?: 'en' | 'zh'
}

/** A progress line whose clock the test moves. */
function line(options: Omit<ProgressOptions, 'now'>, { quiet, lang = 'en', ...io }: Setting = {}) {
  let now = 0
  const recording = recordingIo(io)
  const shell = makeShell(recording.io, { t: translator(lang), lang }, quiet ? { quiet } : {})
  return { bar: progress(shell, { ...options, now: () => now }), pass: (ms: number) => (now += ms), err: recording.err }
}

test('elsewhere than on a terminal a line is printed each 5 %, and no more', () => {
  const { bar, pass, err } = line({ total: 1000, rate: { unit: 'samples', each: 16 } })
  for (let step = 1; step <= 1000; step++) {
    pass(100)
    bar.update(step, { loss: 1 / step })
  }
  bar.end()
  const lines = err().trimEnd().split('\n')
  assert.equal(lines.length, 21)
  assert.equal(lines[0], 'step 1/1000  loss 1.0000  160 samples/s  1:40 left')
  assert.equal(lines[1], 'step 51/1000  loss 0.0196  160 samples/s  1:35 left')
  assert.equal(lines.at(-1), 'step 1000/1000  loss 0.0010  160 samples/s')
})

test('slow work prints a line each 10 seconds', () => {
  const { bar, pass, err } = line({ total: 10_000 })
  for (let step = 1; step <= 60; step++) {
    pass(1000)
    bar.update(step)
  }
  assert.equal(err().trimEnd().split('\n').length, 6)
})

test('on a terminal one line is drawn again at most ten times a second and fits the width', () => {
  const { bar, pass, err } = line({ total: 400 }, { isTTY: true, columns: 30 })
  for (let step = 1; step <= 400; step++) {
    pass(10)
    bar.update(step, { loss: 0.5 })
  }
  bar.end()
  const drawn = err().split('\r').slice(1)
  assert.equal(drawn.length, 41)
  for (const text of drawn) assert.ok(text.trimEnd().replace('\x1b[K', '').length <= 29, text)
  assert.match(drawn[20], /^step 201\/400 ▕█{10}/)
  assert.ok(err().endsWith('\n'))
  assert.equal(err().split('\n').length, 2)
})

test('a line that is said stays above the progress line', () => {
  const { bar, err } = line({ total: 2 }, { isTTY: true })
  bar.update(1)
  bar.say('left out: a.webp')
  assert.ok(err().includes('\r\x1b[Kleft out: a.webp\nstep 1/2 ▕'))
})

test('steps of an earlier process count as done, not as fast', () => {
  const { bar, pass, err } = line({ total: 1000, from: 900 })
  pass(10_000)
  bar.update(910)
  assert.equal(err(), 'step 910/1000  1:30 left\n')
})

test('the time left follows the pace of the last half minute, not a slow first step', () => {
  const { bar, pass, err } = line({ total: 400 })
  pass(20_000)
  bar.update(1)
  for (let step = 2; step <= 300; step++) {
    pass(500)
    bar.update(step)
  }
  assert.equal(err().trimEnd().split('\n').at(-1), 'step 281/400  1:00 left') // 119 · 0.5 s; the mean would say 1:08
})

test('--quiet shows nothing, and Chinese users read Chinese', () => {
  const quiet = line({ total: 2 }, { quiet: true })
  quiet.bar.update(1)
  quiet.bar.say('x')
  quiet.bar.end()
  assert.equal(quiet.err(), '')
  const chinese = line({ total: 2 }, { lang: 'zh' })
  chinese.pass(1000)
  chinese.bar.update(1, { loss: 0.25 })
  assert.equal(chinese.err(), '第 1/2 步  损失 0.2500  还需 0:01\n')
})
