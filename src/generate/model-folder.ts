import { join } from 'node:path'
import { TubeletError } from '../errors.ts'
import { readWeights } from '../files/checkpoint.ts'
import { readJson } from '../files/disk.ts'
import type { ModelPart } from './model-part.ts'

/** Reads one part of a model folder in the diffusers layout and checks that it is of the class that is wanted. */
export async function readPart(folder: string, part: string, className: string): Promise<ModelPart> {
  const at = join(folder, part)
  const config = (await readJson(join(at, 'config.json'))) as { _class_name?: string; architectures?: string[] }
  const found = config._class_name ?? config.architectures?.[0]
  if (found !== className)
    throw new TubeletError('input', `${at}: holds a ${found ?? 'model without a class name'}, not a ${className}`)
  return { folder: at, className, config, ...(await readWeights(at)) }
}
