import { Argument, Option } from '@commander-js/extra-typings'
import type { Dataset } from '../data/dataset.ts'
import { type Kind, styles } from '../data/drawings.ts'
import type { BuildEvent, EmojiOptions } from '../data/emoji.ts'
import type { Inspection } from '../data/inspect.ts'
import { wholeNumber } from './arguments.ts'
import { command, exitCodes, group, type Shell } from './command.ts'
import { dataBuild, dataInspect } from './data.ts'
import { type Progress, progress } from './progress.ts'
import { bytes, count, table } from './text.ts'

const kinds: readonly Kind[] = ['clip', 'still']

/** `tubelet data build NAME`: what is printed on stdout is the folder. */
const buildCommand = command({
  define: (command, t) =>
    command
      .addArgument(new Argument('<name>', t('data.build.name')).choices(['emoji'] as const))
      .option('-o, --out <folder>', t('data.build.out'))
      .option('--size <pixels>', t('data.build.size'), wholeNumber(t, { min: 1, max: 512 }), 64)
      .option('--frames <n>', t('data.build.frames'), wholeNumber(t, { min: 1, max: 256 }), 17)
      .addOption(
        new Option('--styles <style...>', t('data.build.styles'))
          .choices([...styles, 'all'] as const)
          .default(['fluent'] as const),
      )
      .addOption(new Option('--kinds <kind...>', t('data.build.kinds')).choices(kinds).default(kinds))
      .option('--quality <n>', t('data.build.quality'), wholeNumber(t, { min: 1, max: 100 }), 80)
      .option('--lossless', t('data.build.lossless')),

  async run([name], { out = `data/${name}`, size, frames, lossless, ...options }, shell) {
    const chosen: Omit<EmojiOptions, 'out'> = {
      ...{
        size,
        frames,
        styles: styles.filter((style) => options.styles.some((one) => one === style || one === 'all')),
        kinds: [...options.kinds],
      },
      quality: lossless ? 'lossless' : options.quality,
    }
    const told = tellBuild(shell)
    try {
      const dataset = await dataBuild({ ...chosen, out: shell.path(out), signal: shell.io.signal }, told.event)
      told.end()
      shell.say(buildSummary(dataset, shell))
      const { counts, fingerprint, skipped, shards } = dataset
      const left = [...skipped, ...shards.flatMap((shard) => shard.skipped)]
      shell.result({ path: shell.path(out), counts, fingerprint, skipped: left }, out)
    } finally {
      told.end()
    }
  },
})

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
      if (event.type === 'plan') shell.say(t('data.build.plan', event))
      if (event.type === 'progress' || event.type === 'shard') {
        const { done, total } = event
        const label = (now: number) => t('data.build.samples', { done: now, total })
        const rate = { unit: t('progress.samples') }
        begin('samples', () => progress(shell, { total, from: done, label, rate })).update(done)
      }
      if (event.type === 'skip') {
        const text = t('data.build.skip', event)
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

function buildSummary({ counts, shards }: Dataset, { t }: Shell): string {
  const { samples, clips, stills, heldOut } = counts
  return t('data.build.done', { samples, clips, stills, heldOut, shards: shards.length, size: bytes(counts.bytes) })
}

/** `tubelet data inspect DIR`: exit code 3 where something is damaged. */
const inspectCommand = command({
  define: (command, t) =>
    command.argument('<folder>', t('data.inspect.folder')).option('--sheet <file>', t('data.inspect.sheet')),

  async run([folder], { sheet }, shell) {
    let line: Progress | undefined
    const onProgress = (done: number, total: number) => {
      line ??= progress(shell, { total, label: (now) => shell.t('data.inspect.progress', { done: now, total }) })
      line.update(done)
    }
    const { signal } = shell.io
    const options = { ...(sheet ? { sheet: shell.path(sheet) } : {}), onProgress, signal }
    const found = await dataInspect(shell.path(folder), options).finally(() => line?.end())
    const { dataset, ...counted } = found
    shell.result({ name: dataset.name, size: dataset.size, ...counted }, inspectionText(found, shell))
    return found.damage.length > 0 ? exitCodes.input : exitCodes.done
  },
})

function inspectionText(found: Inspection, { t }: Shell): string {
  const { dataset, samples, frames, kinds, splits, groups, damage, sheet } = found
  const { name, size } = dataset
  const counts = (title: string, all: Record<string, number>) =>
    table(
      [title, t('data.inspect.samples')],
      Object.entries(all).map(([key, n]) => [key, count(n)]),
    )
  const broken = damage.map(({ shard, sample, reason }) => `  ${[shard, sample].filter(Boolean).join('/')}: ${reason}`)
  return [
    t('data.inspect.head', { name, size, samples: count(samples), frames: count(frames), bytes: bytes(found.bytes) }),
    counts(t('data.inspect.kind'), kinds),
    counts(t('data.inspect.split'), splits),
    counts(t('data.inspect.group'), groups),
    damage.length === 0
      ? t('data.inspect.sound')
      : [t('data.inspect.damage', { count: damage.length }), ...broken].join('\n'),
    ...(sheet ? [t('data.inspect.drawn', { path: sheet })] : []),
  ].join('\n\n')
}

/** `tubelet data …`. */
export const dataCommand = group({
  build: { summary: (t) => t('data.build.about'), command: buildCommand },
  inspect: { summary: (t) => t('data.inspect.about'), command: inspectCommand },
})
