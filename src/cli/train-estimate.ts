import { TubeletError } from '../errors.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { estimate } from '../train/estimate.ts'
import type { Run } from '../train/recipe.ts'
import { train } from '../train/train.ts'
import type { Shell } from './command.ts'
import { bytes, count, duration } from './text.ts'

interface Setting {
  readonly runtime: Runtime
  readonly shell: Shell
}

/** Prints what a prepared run will take, and trains nothing; `done` steps of it are behind. */
export async function showEstimate(
  run: Run,
  { runtime, shell, done = 0 }: Setting & { done?: number },
): Promise<undefined> {
  const { parameters, flops, weightBytes, stepBytes, rate, share, stepMs } = await estimate(run, runtime)
  const processBytes = process.memoryUsage.rss() // with the data that the recipe holds
  const memoryBytes = processBytes + weightBytes + stepBytes
  const steps = run.steps - done
  const hours = (steps * stepMs) / 3_600_000
  const { t } = shell
  const giga = (n: number) => (n / 1e9).toFixed(n < 1e10 ? 2 : 0)
  const lines = [
    `${run.name}: ${t('train.estimate.parameters', { parameters: count(parameters) })}`,
    t('train.estimate.flops', { gflop: giga(flops) }),
    t('train.estimate.memory', {
      ...{ memory: bytes(memoryBytes), now: bytes(processBytes) },
      ...{ weights: bytes(weightBytes), step: bytes(stepBytes) },
    }),
    t('train.estimate.time', {
      ...{ steps: count(steps), time: duration((steps * stepMs) / 1000) },
      ...{ rate: giga(rate), share: String(100 * share) },
    }),
    t('train.estimate.nothing'),
  ]
  const name = run.name
  shell.result(
    { name, steps, parameters, flops, memoryBytes, processBytes, weightBytes, stepBytes, rate, stepMs, hours },
    lines.join('\n'),
  )
}

const tried = 4

/** How many steps fit into some minutes, from the time of a few; what they learn is thrown away. */
export async function stepsWithin(
  minutes: number,
  prepare: (steps?: number) => Promise<Run>,
  { runtime, shell }: Setting,
): Promise<number> {
  shell.say(shell.t('train.measuring'))
  const run = await prepare(1000)
  const times: number[] = []
  try {
    for await (const event of train({ ...run, steps: tried }, { runtime, signal: shell.io.signal }))
      if (event.kind === 'step') times.push(event.ms)
  } finally {
    await run.close?.()
  }
  if (shell.io.signal.aborted) throw new TubeletError('stopped', shell.t('train.stoppedEarly'))
  const later = times.slice(1) // the first step is slower than the rest
  const ms = later.reduce((a, b) => a + b, 0) / later.length
  return Math.max(1, Math.round((minutes * 60_000) / ms))
}
