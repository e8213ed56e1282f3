import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readSafetensors, readWeights } from '../../src/files/checkpoint.ts'
import type { ModelParts } from '../../src/generate/verify.ts'

/** Where the stored cases lie. */
export const casesFolder = join(import.meta.dirname, '../cases')

/** The parts of a stored case. */
export async function parityCase(name: string, cases = casesFolder): Promise<ModelParts> {
  const folder = join(cases, name)
  const [config, weights, expected] = await Promise.all([
    readFile(join(folder, 'config.json'), 'utf8'),
    readWeights(folder),
    readSafetensors(join(folder, 'expected.safetensors')),
  ])
  return { config: JSON.parse(config), weights: weights.arrays, expected: expected.arrays }
}
