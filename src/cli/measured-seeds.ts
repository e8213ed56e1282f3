import { createHash } from 'node:crypto'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { readSafetensors, writeSafetensors } from '../files/checkpoint.ts'
import { readJson, writeFileAtomic } from '../files/disk.ts'
import type { Measured } from '../reproduce/reproduction.ts'
import type { TrainConfig } from '../train/config.ts'
import type { LearningState, LearningStore } from '../train/learn.ts'

/** What one seed measured, how long it took and at which commit. */
export interface MeasuredSeed extends Measured {
  readonly seed: number
  readonly minutes: number
  readonly commit?: string
}

/**
 * What a run that was stopped has measured and learnt: a file each below the results, kept until the result is written.
 * What comes from another text of the reproduction is not taken, nor what other code has learnt.
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
    /** Where the runs of a seed keep how far they are, in the order in which they begin. */
    learnings(seed: number, code: string): Learnings {
      let [count, before] = [0, 0]
      return {
        next(config) {
          count += 1
          const path = join(folder, `${seed}-${code}-${count}.safetensors`)
          const read = async () => {
            const state = await readLearning(path, config)
            before += state?.ms ?? 0
            return state
          }
          return { read, write: (state) => writeLearning(path, config, state) }
        },
        before: () => before,
      }
    },
    forget: (): Promise<void> => rm(folder, { recursive: true, force: true }),
  }
}

/** The runs of one seed. */
interface Learnings {
  next(config: TrainConfig): LearningStore
  before(): number // milliseconds that they took before they were stopped
}

/** Tells one run from another that begins in its place. */
const nameOf = ({ name, seed, steps, samples }: TrainConfig) => JSON.stringify({ name, seed, steps, samples })

/** What is there of a run; undefined where nothing is, or nothing that can be read. */
async function readLearning(path: string, config: TrainConfig): Promise<LearningState | undefined> {
  const found = await readSafetensors(path).catch(() => undefined)
  if (found?.metadata.run !== nameOf(config)) return undefined
  return { ...JSON.parse(found.metadata.state), arrays: found.arrays }
}

const writeLearning = (path: string, config: TrainConfig, { arrays, ...state }: LearningState): Promise<void> =>
  writeSafetensors(path, arrays, { metadata: { run: nameOf(config), state: JSON.stringify(state) } })
