import { createHash } from 'node:crypto'
import { cutIntoShards, type PlannedShard } from './build-options.ts'
import { readCaptions } from './captions.ts'
import { isCountryFlag, splitOf } from './code-points.ts'
import { listDrawings, type Skipped } from './drawings.ts'
import type { EmojiSettings } from './emoji-options.ts'
import { captionPackage, type EmojiPackage } from './emoji-packages.ts'

/** What a build will write, and what belongs to no shard. */
export interface Plan {
  shards: PlannedShard[]
  skipped: Skipped[]
}

/** Lists the drawings of the wanted styles, drops those without a caption, and cuts the rest into shards. */
export async function makePlan(
  { styles, kinds, shardSamples }: EmojiSettings,
  folders: Map<string, string>,
): Promise<Plan> {
  const concepts = await readCaptions(folders.get(captionPackage.name)!)
  const skipped: Skipped[] = []
  const shards: PlannedShard[] = []
  for (const style of styles) {
    const listing = await listDrawings(style, folders)
    skipped.push(...listing.skipped)
    const drawings = listing.drawings.filter(({ codePoint, name }) => {
      const concept = concepts.get(codePoint)
      if (concept && !(style === 'openmoji-black' && isCountryFlag(codePoint))) return true
      skipped.push({ name, reason: concept ? 'flags without colour look alike' : `no caption for ${codePoint}` })
      return false
    })
    for (const kind of kinds) {
      const some = drawings.filter((drawing) => drawing.kind === kind)
      const samples = some.map(({ codePoint, name, decode }) => {
        const key = style === 'fluent' ? codePoint : `${codePoint}_${style}`
        return { key, name, decode, concept: concepts.get(codePoint)!, split: splitOf(codePoint) }
      })
      shards.push(...cutIntoShards(samples, { kind, style, shardSamples }))
    }
  }
  return { shards, skipped }
}

/** SHA-256 of all that decides what a build writes. */
export function fingerprintOf(
  { out: _, ...settings }: EmojiSettings,
  packages: EmojiPackage[],
  plan: PlannedShard[],
): string {
  const pins = packages.map(({ name, version, integrity }) => [name, version, integrity])
  const keys = plan.map(({ file, samples }) => [file, ...samples.map(({ concept }) => concept.codePoint)])
  return createHash('sha256')
    .update(JSON.stringify({ format: 1, settings, pins, keys }))
    .digest('hex')
}
