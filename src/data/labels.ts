import type { CaptionLanguage } from './captions.ts'
import type { SampleMeta } from './dataset.ts'
import { readShards, type SampleFilter } from './shards.ts'

/** Metadata of the training part of a data set, clips and stills alike where no kind is asked for, in the order of its shards. */
export async function trainingMetas(dir: string, filter: Omit<SampleFilter, 'split'> = {}): Promise<SampleMeta[]> {
  const metas: SampleMeta[] = []
  for await (const { meta } of readShards(dir, { ...filter, split: 'train' })) metas.push(meta)
  return metas
}

/** What the training part of a data set teaches by name: each label once, in the order of its shards. */
export async function trainingLabels(dir: string, language: CaptionLanguage): Promise<string[]> {
  return [...new Set((await trainingMetas(dir)).map((meta) => meta[language].label))]
}

/** Whether samples that were held out show concepts that the training sees too, as own clips of one caption do. */
export function heldOutIsSeen(samples: readonly SampleMeta[]): boolean {
  const concepts = (split: SampleMeta['split']) =>
    new Set(samples.filter((one) => one.split === split).map(({ codePoint }) => codePoint))
  const trained = concepts('train')
  return [...concepts('held-out')].some((concept) => trained.has(concept))
}
