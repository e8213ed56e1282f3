import { z } from 'zod'
import { TubeletError } from '../errors.ts'

/** What `run.json` of a run folder says. */
const runRecordSchema = z.object({
  name: z.string(),
  status: z.enum(['running', 'done', 'stopped', 'failed']),
  error: z.string().optional(), // the sentence of a failed run
  created: z.string(), // ISO 8601, as `heartbeat`
  heartbeat: z.string(), // the last sign of life
  step: z.number().int().nonnegative(), // steps done
  steps: z.number().int().nonnegative().optional(), // steps planned
  seed: z.number().int(),
  device: z.string(),
  git: z.string().optional(), // commit of the code, with a + where it was changed
  versions: z.record(z.string(), z.string()), // of tubelet, Node and the engine
  pid: z.number().int(),
  host: z.string(),
})

/** What a run is, how far it is and how it fares. */
export type RunRecord = z.infer<typeof runRecordSchema>

/** Checks what was read from a run.json. Throws TubeletError('input') with the first field that is wrong. */
export function parseRunRecord(value: unknown, path: string): RunRecord {
  const { data, error } = runRecordSchema.safeParse(value)
  if (data) return data
  const [{ path: field, message }] = error.issues
  throw new TubeletError('input', `${path}: ${field.join('.') || 'the file'}: ${message}`)
}
