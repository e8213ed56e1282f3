import type { BuildEvent } from '../data/build-options.ts'
import type { Dataset } from '../data/dataset.ts'
import type { Skipped } from '../data/drawings.ts'
import type { Shell } from './command.ts'
import { type Progress, progress } from './progress.ts'
import { bytes } from './text.ts'

/** Follows a build to its end with a progress line, tells what it wrote, and returns the index of the data set. */
export async function followBuild(events: AsyncIterable<BuildEvent>, shell: Shell): Promise<Dataset> {
  const told = tellBuild(shell)
  let dataset: Dataset | undefined
  try {
    for await (const event of events) {
      told.event(event)
      if (event.type === 'done') dataset = event.dataset
    }
  } finally {
    told.end()
  }
  shell.say(buildSummary(dataset!, shell))
  return dataset!
}

/** Turns the events of a build into progress lines: one a package, then one for the samples. */
function tellBuild(shell: Shell): { event: (event: BuildEvent) => void; end: () => void } {
  const { t } = shell
  let line: Progress | undefined
  let what = ''
  const begin = (key: string, make: () => Progress): Progress => {
    if (what !== key) {
      line?.end()
      ;[line, what] = [make(), key]
    }
    return line!
  }
  return {
    event(event) {
      if (event.type === 'package' && event.state === 'download') {
        const label = (done: number, total: number) =>
          t('data.build.fetch', { name: event.name, done: bytes(done), total: bytes(total) })
        begin(event.name, () => progress(shell, { total: event.total, label })).update(event.bytes)
      }
      if (event.type === 'package' && event.state === 'extract') line?.say(t('data.build.unpack', { name: event.name }))
      if (event.type === 'plan') shell.say(t('data.build.plan', { ...event, count: event.shards }))
      if (event.type === 'progress' || event.type === 'shard') {
        const { done, total } = event
        const label = (now: number) => t('data.build.samples', { done: now, total })
        const rate = { unit: t('progress.samples') }
        begin('samples', () => progress(shell, { total, from: done, label, rate })).update(done)
      }
      if (event.type === 'skip') {
        const text = skippedLine(event, shell)
        if (line) line.say(text)
        else shell.say(text)
      }
    },
    end() {
      line?.end()
      ;[line, what] = [undefined, '']
    },
  }
}

/** That a file is left out, and why. */
export function skippedLine({ name, reason }: Skipped, { t, sentence }: Shell): string {
  const why = sentence(reason)
  return reason.startsWith(`${name}: `)
    ? t('data.build.leftOut', { reason: why })
    : t('data.build.skip', { name, reason: why })
}

function buildSummary({ counts, shards }: Dataset, { t }: Shell): string {
  const { samples, clips, stills, heldOut } = counts
  return t('data.build.done', { samples, clips, stills, heldOut, count: shards.length, size: bytes(counts.bytes) })
}
