import type { z } from 'zod'
import { TubeletError } from '../errors.ts'
import { readJson } from '../files/disk.ts'

/** Reads a JSON file of a known form; throws TubeletError('input') naming the file and the first place that does not fit. */
export async function readJsonAs<T>(file: string, schema: z.ZodType<T>): Promise<T> {
  return parseAs(file, await readJson(file), schema)
}

/** Checks that a value has a form; throws TubeletError('input') naming where it came from and the first place that does not fit. */
export function parseAs<T>(from: string, value: unknown, schema: z.ZodType<T>): T {
  const { success, data, error } = schema.safeParse(value)
  if (success) return data
  const { path, message } = error.issues[0]
  throw new TubeletError('input', `${from}: ${path.join('.') || 'the whole'}: ${message}`, { cause: error })
}
