import { join } from 'node:path'
import { z } from 'zod'
import { conceptKey } from './code-points.ts'
import { readJsonAs } from './json.ts'

/** The languages that captions are stored in. */
export const captionLanguages = ['en', 'zh'] as const
export type CaptionLanguage = (typeof captionLanguages)[number]

/** How much a caption tells: count, colour and shape, or size and place as well. */
export type CaptionDetail = 'short' | 'long'

/** What kind of caption is asked for. */
export interface CaptionKind {
  readonly language: CaptionLanguage
  readonly detail: CaptionDetail
}

const captionSchema = z.object({
  label: z.string().min(1),
  tags: z.array(z.string()),
  group: z.string().optional(),
  subgroup: z.string().optional(),
  /** A sentence, which is asked for as it is written, as are its tags; absent for a name that takes many forms. */
  verbatim: z.literal(true).optional(),
})

/** What an emoji is called in one language: its name, words that go with it, and what the groups above it are called. */
export type Caption = z.infer<typeof captionSchema>

/** The part of a sample's metadata that captions fill. */
export const conceptSchema = z.object({
  /** The key of the concept: code points in hex, see conceptKey; of a person's own words, a hash of them. */
  codePoint: z.string().min(1),
  emoji: z.string(),
  /** Keys of the groups, equal in every language: `smileys-emotion`, `face-smiling`. */
  group: z.string().optional(),
  subgroup: z.string().optional(),
  en: captionSchema,
  zh: captionSchema,
  /** The language that the words of both are in, where there is only one. */
  language: z.enum(captionLanguages).optional(),
})
export type Concept = z.infer<typeof conceptSchema>

const emojiList = z.array(
  z.object({
    hexcode: z.string(),
    emoji: z.string(),
    label: z.string(),
    tags: z.array(z.string()).default([]),
    group: z.number().optional(),
    subgroup: z.number().optional(),
  }),
)
const named = z.array(z.object({ key: z.string(), message: z.string(), order: z.number() }))
const messages = z.object({ groups: named, subgroups: named })

/** Reads the captions of every tone-less emoji from an unpacked emojibase-data folder; the map is keyed by concept. */
export async function readCaptions(folder: string): Promise<Map<string, Concept>> {
  const [en, zh] = await Promise.all(captionLanguages.map((language) => readLanguage(folder, language)))
  const concepts = new Map<string, Concept>()
  for (const [codePoint, { emoji, keys, caption }] of en) {
    const chinese = zh.get(codePoint)
    if (chinese) concepts.set(codePoint, { codePoint, emoji, ...keys, en: caption, zh: chinese.caption })
  }
  return concepts
}

interface LanguageEntry {
  emoji: string
  keys: { group?: string; subgroup?: string }
  caption: Caption
}

async function readLanguage(folder: string, language: CaptionLanguage): Promise<Map<string, LanguageEntry>> {
  const list = await readJsonAs(join(folder, language, 'data.json'), emojiList)
  const { groups, subgroups } = await readJsonAs(join(folder, language, 'messages.json'), messages)
  const groupOf = new Map(groups.map((group) => [group.order, group]))
  const subgroupOf = new Map(subgroups.map((subgroup) => [subgroup.order, subgroup]))
  const entries = new Map<string, LanguageEntry>()
  for (const { hexcode, emoji, label, tags, ...at } of list) {
    const group = at.group === undefined ? undefined : groupOf.get(at.group)
    const subgroup = at.subgroup === undefined ? undefined : subgroupOf.get(at.subgroup)
    entries.set(conceptKey(hexcode), {
      emoji,
      keys: { group: group?.key, subgroup: subgroup?.key },
      caption: { label, tags, group: group?.message, subgroup: subgroup?.message },
    })
  }
  return entries
}
