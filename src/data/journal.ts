import { mkdir, open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { TubeletError } from '../errors.ts'
import { fileError } from '../files/disk.ts'
import { readDataset, type Shard, shardSchema } from './dataset.ts'

/** The journal of a build: `build.jsonl`, its first line a fingerprint, then one line for each finished shard. */
export interface Journal {
  /** Shards that are done, by file name. */
  finished: Map<string, Shard>
  /** Notes a shard, on the disk before this returns. */
  add(shard: Shard): Promise<void>
  /** Removes the journal, once the index of the data set is written. */
  remove(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Opens or starts the journal of a folder, which is made where absent; a finished data set counts as its journal.
 * Throws TubeletError('usage') when the folder holds another build.
 */
export async function openJournal(dir: string, fingerprint: string): Promise<Journal> {
  const refuse = (error: unknown): never => {
    throw fileError(error, 'write', dir)
  }
  await mkdir(dir, { recursive: true }).catch(refuse)
  const file = join(dir, 'build.jsonl')
  const finished = new Map<string, Shard>()
  const whole = await readDataset(dir).catch(() => undefined)
  for (const shard of whole?.shards ?? []) finished.set(shard.file, shard)
  const [head, ...lines] = (await readFile(file, 'utf8').catch(() => '')).split('\n')
  const begun = head === '' ? undefined : (readLine(head, headSchema)?.fingerprint ?? 'unknown')
  if ([whole?.fingerprint, begun].some((other) => other !== undefined && other !== fingerprint)) {
    throw new TubeletError(
      'usage',
      `${dir} holds a data set built with other options or of other pictures; choose another folder or remove it`,
    )
  }
  for (const line of lines) {
    // A line that was cut short by a kill is not a finished shard.
    const shard = readLine(line, shardSchema)
    if (shard) finished.set(shard.file, shard)
  }
  const handle = await open(file, 'a').catch(refuse)
  const write = async (value: object) => {
    await handle.appendFile(`${JSON.stringify(value)}\n`)
    await handle.sync()
  }
  if (head === '') await write({ fingerprint })
  // After a line cut short, the next one starts afresh.
  else if (lines.at(-1) !== '') await handle.appendFile('\n')
  return { finished, add: write, remove: () => rm(file, { force: true }), [Symbol.asyncDispose]: () => handle.close() }
}

const headSchema = z.object({ fingerprint: z.string() })

function readLine<T>(line: string, schema: z.ZodType<T>): T | undefined {
  try {
    return schema.parse(JSON.parse(line))
  } catch {
    return undefined
  }
}
