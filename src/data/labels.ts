import type { CaptionLanguage } from './captions.ts'
import type { SampleMeta } from './dataset.ts'
import { readShards } from './shards.ts'

/** What the training part of a data set teaches by name: each label once, in the order of its shards. */
export async function trainingLabels(dir: string, language: CaptionLanguage): Promise<string[]> {
  const labels = new Set<string>()
  for await (const { meta } of readShards(dir, { split: 'train' })) labels.add(meta[language].label)
  return [...labels]
}

/** Whether samples that were held out show concepts that the training sees too, as own clips of one caption do. */
export function heldOutIsSeen(samples: readonly SampleMeta[]): boolean {
  const concepts = (split: SampleMeta['split']) =>
    new Set(samples.filter((one) => one.split === split).map(({ codePoint }) => codePoint))
  const trained = concepts('train')
  return [...concepts('held-out')].some((concept) => trained.has(concept))
}
