import type { CaptionLanguage } from './captions.ts'
import { readShards } from './shards.ts'

/** What the training part of a data set teaches by name: each label once, in the order of its shards. */
export async function trainingLabels(dir: string, language: CaptionLanguage): Promise<string[]> {
  const labels = new Set<string>()
  for await (const { meta } of readShards(dir, { split: 'train' })) labels.add(meta[language].label)
  return [...labels]
}
