import { join } from 'node:path'
import { TubeletError } from '../errors.ts'
import type { Clip } from '../files/clip.ts'
import { fileHash } from '../files/hash.ts'
import { type SheetCell, type WrittenSheet, writeContactSheet } from './contact-sheet.ts'
import { type Dataset, readDataset, type SampleMeta, type Shard } from './dataset.ts'
import { decodeSample, parseSample, readMembers } from './shards.ts'

/** How to look at a data set. */
export interface InspectOptions {
  /** Where the contact sheet is written, a PNG; none is drawn without. */
  sheet?: string
  /** Samples on the sheet, evenly over the data set; default 60. */
  sheetSamples?: number
  onProgress?: (done: number, total: number) => void
  signal?: AbortSignal
}

/** Something that is wrong with a shard or a sample. */
export interface Damage {
  shard: string
  /** Absent where the shard itself is damaged. */
  sample?: string
  reason: string
}

/** What a data set folder holds; numbers are counted, not taken from the index. */
export interface Inspection extends WrittenSheet {
  dataset: Dataset
  samples: number
  frames: number
  bytes: number
  /** Samples by style and kind, such as `fluent clip`. */
  kinds: Record<string, number>
  splits: Record<string, number>
  groups: Record<string, number>
  damage: Damage[]
}

/** Reads and decodes everything in a data set folder, lists damage instead of stopping at it, and draws a contact sheet. */
export async function inspectDataset(dir: string, options: InspectOptions = {}): Promise<Inspection> {
  const dataset = await readDataset(dir)
  const { sheet, sheetSamples = 60, onProgress, signal } = options
  const empty = { samples: 0, frames: 0, bytes: 0, kinds: {}, splits: {}, groups: {}, damage: [] }
  const found: Inspection = { dataset, ...empty }
  const cells: SheetCell[] = []
  const stride = Math.max(1, dataset.counts.samples / sheetSamples)
  for (const shard of dataset.shards) {
    const problems = await checkShard(dir, shard)
    found.damage.push(...problems)
    for await (const { meta, clip, damage } of readAll(dir, shard)) {
      if (signal?.aborted) throw new TubeletError('stopped', 'the inspection was stopped')
      if (damage) found.damage.push(damage)
      if (!meta || !clip) continue
      if (found.samples >= cells.length * stride && cells.length < sheetSamples) cells.push(cellOf(meta, clip))
      count(found, meta)
      onProgress?.(found.samples, dataset.counts.samples)
    }
    found.bytes += shard.bytes
  }
  if (sheet && cells.length > 0) Object.assign(found, await writeContactSheet(sheet, cells))
  return found
}

function count(found: Inspection, { style, kind, split, group, frames }: SampleMeta): void {
  const add = (counts: Record<string, number>, key: string) => {
    counts[key] = (counts[key] ?? 0) + 1
  }
  found.samples++
  found.frames += frames
  add(found.kinds, style ? `${style} ${kind}` : kind)
  add(found.splits, split)
  add(found.groups, group ?? 'none')
}

function cellOf(meta: SampleMeta, clip: Clip): SheetCell {
  const { codePoint, style, file, split, en, zh, language } = meta
  const words = language
    ? [meta[language].label]
    : [en.label, [zh.label, zh.tags.join(' ')].filter(Boolean).join(' · ')]
  return { clip, lines: [...words, [file ?? codePoint, style, split].filter(Boolean).join(' ')] }
}

/** Compares a shard's file with the index: whether it is there, whole, and unchanged. */
async function checkShard(dir: string, { file, sha256 }: Shard): Promise<Damage[]> {
  const found = await fileHash(join(dir, file)).catch(() => sha256) // reading its samples tells why
  if (found === sha256) return []
  return [{ shard: file, reason: 'its content is not what dataset.json says (SHA-256 differs)' }]
}

/** One sample that was read, or what is wrong with it. */
interface Read {
  meta?: SampleMeta
  clip?: Clip
  damage?: Damage
}

/** Every sample of a shard, decoded; a damaged sample is told and passed over, a damaged archive ends the shard. */
async function* readAll(dir: string, { file, samples }: Shard): AsyncGenerator<Read> {
  let seen = 0
  try {
    for await (const members of readMembers(join(dir, file))) {
      seen++
      try {
        const sample = parseSample(members, file)
        yield { meta: sample.meta, clip: await decodeSample(sample) }
      } catch (error) {
        yield { damage: damageOf(error, { shard: file, sample: members.key }) }
      }
    }
  } catch (error) {
    yield { damage: damageOf(error, { shard: file }) }
  }
  if (seen !== samples) yield { damage: { shard: file, reason: `${seen} of ${samples} samples can be read` } }
}

function damageOf(error: unknown, at: Pick<Damage, 'shard' | 'sample'>): Damage {
  if (!(error instanceof TubeletError) || error.code !== 'input') throw error
  return { ...at, reason: error.message }
}
