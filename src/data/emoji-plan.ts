import { createHash } from 'node:crypto'
import { type Concept, readCaptions } from './captions.ts'
import { isCountryFlag } from './code-points.ts'
import { type Drawing, type Kind, listDrawings, type Skipped, type Style } from './drawings.ts'
import type { EmojiSettings } from './emoji-options.ts'
import { captionPackage, type EmojiPackage } from './emoji-packages.ts'

/** A shard that is to be written: the drawings of one style and kind. */
export interface PlannedShard {
  file: string
  style: Style
  kind: Kind
  drawings: Drawing[]
}

/** What a build will write: its shards, the captions, and what belongs to none. */
export interface Plan {
  shards: PlannedShard[]
  concepts: Map<string, Concept>
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
      for (let start = 0; start < some.length; start += shardSamples) {
        const number = String(start / shardSamples).padStart(5, '0')
        const file = `${style}-${kind}s-${number}.tar`
        shards.push({ file, style, kind, drawings: some.slice(start, start + shardSamples) })
      }
    }
  }
  return { shards, concepts, skipped }
}

/** SHA-256 of all that decides what a build writes. */
export function fingerprintOf(
  { out: _, ...settings }: EmojiSettings,
  packages: EmojiPackage[],
  plan: PlannedShard[],
): string {
  const pins = packages.map(({ name, version, integrity }) => [name, version, integrity])
  const keys = plan.map(({ file, drawings }) => [file, ...drawings.map(({ codePoint }) => codePoint)])
  return createHash('sha256')
    .update(JSON.stringify({ format: 1, settings, pins, keys }))
    .digest('hex')
}
