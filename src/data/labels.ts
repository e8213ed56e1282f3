import type { CaptionLanguage } from './captions.ts'
import { readShards } from './shards.ts'

/** What the training part of a data set teaches by name: each label once, in the order of its shards. */
export async function trainingLabels(dir: string, language: CaptionLanguage): Promise<string[]> {
  const labels = new Set<string>()
  for await (const { meta } of readShards(dir, { split: 'train' })) labels.add(meta[language].label)
  return [...labels]
}

/** Whether clips that were held out show concepts that the training sees too, as own clips of one caption do. */
export async function heldOutIsSeen(dir: string): Promise<boolean> {
  const concepts = { train: new Set<string>(), 'held-out': new Set<string>() }
  for await (const { meta } of readShards(dir, { kind: 'clip' })) concepts[meta.split].add(meta.codePoint)
  return [...concepts['held-out']].some((concept) => concepts.train.has(concept))
}
