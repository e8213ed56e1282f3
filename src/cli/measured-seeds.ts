import { createHash } from 'node:crypto'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { readJson, writeFileAtomic } from '../files/disk.ts'
import type { Measured } from '../reproduce/reproduction.ts'

/** What one seed measured, how long it took and at which commit. */
export interface MeasuredSeed extends Measured {
  readonly seed: number
  readonly minutes: number
  readonly commit?: string
}

/**
 * Seeds that a run which was stopped has measured: a file each below the results, kept until the result is written. One
 * that was measured by another text of the reproduction is not taken.
 */
export async function measuredSeeds(results: string, reproduction: string) {
  const source = createHash('sha256')
    .update(await readFile(reproduction))
    .digest('hex')
  const folder = join(results, `.measuring-${source.slice(0, 16)}`)
  const file = (seed: number) => join(folder, `${seed}.json`)
  return {
    async read(seed: number): Promise<MeasuredSeed | undefined> {
      const found = (await readJson(file(seed)).catch(() => undefined)) as MeasuredSeed | undefined
      if (!found?.pictures) return found
      const pictures = Object.entries(found.pictures as unknown as Record<string, string>)
      return {
        ...found,
        pictures: Object.fromEntries(pictures.map(([name, text]) => [name, Buffer.from(text, 'base64')])),
      }
    },
    async keep({ pictures, ...measured }: MeasuredSeed): Promise<void> {
      const texts = Object.entries(pictures ?? {}).map(([name, png]) => [name, Buffer.from(png).toString('base64')])
      const kept = { ...measured, ...(pictures && { pictures: Object.fromEntries(texts) }) }
      await writeFileAtomic(file(measured.seed), JSON.stringify(kept))
    },
    forget: (): Promise<void> => rm(folder, { recursive: true, force: true }),
  }
}
