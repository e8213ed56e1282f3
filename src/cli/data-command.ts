import { join } from 'node:path'
import { type Inspection, inspectDataset } from '../data/inspect.ts'
import { command, exitCodes, group, type Shell } from './command.ts'
import { emojiCommand, folderCommand } from './data-build.ts'
import { mixtureCommand, mnistCommand, movingShapesCommand, shapesCommand } from './data-build-made.ts'
import { type Progress, progress } from './progress.ts'
import { bytes, count, table } from './text.ts'

/** `tubelet data inspect DIR`: exit code 3 where something is damaged, or a sheet that was asked for cannot be written. */
const inspectCommand = command({
  define: (command, t) =>
    command.argument('<folder>', t('data.inspect.folder')).option('--sheet <file>', t('data.inspect.sheet')),

  async run([folder], { sheet }, shell) {
    let line: Progress | undefined
    const onProgress = (done: number, total: number) => {
      line ??= progress(shell, { total, label: (now) => shell.t('data.inspect.progress', { done: now, total }) })
      line.update(done)
    }
    const place = shell.path(sheet ?? join(folder, 'contact-sheet.png'))
    const options = { sheet: place, onProgress, signal: shell.io.signal }
    const found = await inspectDataset(shell.path(folder), options).finally(() => line?.end())
    const { dataset, ...counted } = found
    shell.result({ name: dataset.name, size: dataset.size, ...counted }, inspectionText(found, shell))
    return found.damage.length > 0 || (sheet && found.noSheet) ? exitCodes.input : exitCodes.done
  },
})

function inspectionText(found: Inspection, { t, sentence }: Shell): string {
  const { dataset, samples, frames, kinds, splits, groups, damage, sheet, noSheet } = found
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
    ...(noSheet ? [t('data.inspect.notDrawn', { reason: sentence(noSheet) })] : []),
  ].join('\n\n')
}

/** `tubelet data build …`. */
const buildCommand = group({
  emoji: { summary: (t) => t('data.build.emoji'), command: emojiCommand },
  folder: { summary: (t) => t('data.build.folder'), command: folderCommand },
  shapes: { summary: (t) => t('data.build.shapes'), command: shapesCommand },
  'moving-shapes': { summary: (t) => t('data.build.movingShapes'), command: movingShapesCommand },
  mnist: { summary: (t) => t('data.build.mnist'), command: mnistCommand },
  mixture: { summary: (t) => t('data.build.mixture'), command: mixtureCommand },
})

/** `tubelet data …`. */
export const dataCommand = group({
  build: { summary: (t) => t('data.build.about'), command: buildCommand },
  inspect: { summary: (t) => t('data.inspect.about'), command: inspectCommand },
})
