import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import type { Clip } from '../files/clip.ts'
import { decodeClip, pictureInfo, rasterizeSvg } from '../files/webp.ts'
import { conceptKey, hasSkinTone, isCodePoints } from './code-points.ts'
import { animationPackages, type EmojiPackage, stillPackages } from './emoji-packages.ts'
import { readJsonAs } from './json.ts'

/** The drawing styles; each is one way to draw the same concepts. */
export const styles = ['fluent', '3d', 'flat', 'twemoji', 'noto', 'openmoji', 'openmoji-black'] as const
export type Style = (typeof styles)[number]

/** Whether a drawing moves. */
export type Kind = 'clip' | 'still'

/** One drawing of one concept, not decoded yet. */
export interface Drawing {
  /** Key of the concept. */
  codePoint: string
  style: Style
  kind: Kind
  /** Package and file, for messages. */
  name: string
  decode: () => Promise<Clip & { delays: number[] }>
}

/** Something that is left out, and why. */
export interface Skipped {
  name: string
  reason: string
}

/** What a style's packages hold: drawings sorted by key, and what is left out. Skin tones are passed over in silence. */
export interface Listing {
  drawings: Drawing[]
  skipped: Skipped[]
}

/** Side in pixels at which drawings without pixels are drawn, before they are resized. */
const vectorSize = 512

/** The packages that hold a style. */
export function packagesOf(style: Style): EmojiPackage[] {
  if (style === 'fluent') return animationPackages
  return [stillPackages[style === 'openmoji-black' ? 'openmoji' : style]]
}

/** Lists the tone-less drawings of a style in its unpacked packages. */
export async function listDrawings(style: Style, folders: Map<string, string>): Promise<Listing> {
  const listing: Listing = { drawings: [], skipped: [] }
  for (const { name } of packagesOf(style)) {
    const folder = folders.get(name)!
    const found = style === 'noto' ? await listIcons(folder) : await listFiles(join(folder, subfolder[style]), style)
    for (const { key, file, ...drawing } of found) {
      if (key === undefined) listing.skipped.push({ name: `${name}/${file}`, reason: 'its name is not a code point' })
      else if (!hasSkinTone(key)) listing.drawings.push({ codePoint: key, style, name: `${name}/${file}`, ...drawing })
    }
  }
  listing.drawings.sort((a, b) => compare(a.codePoint, b.codePoint) || compare(a.name, b.name))
  listing.drawings = listing.drawings.filter((drawing, i, all) => {
    if (drawing.codePoint !== all[i - 1]?.codePoint) return true
    listing.skipped.push({ name: drawing.name, reason: `another spelling of ${all[i - 1].name}` })
    return false
  })
  return listing
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)

const subfolder: Record<Exclude<Style, 'noto'>, string> = {
  fluent: 'assets',
  '3d': 'assets',
  flat: 'assets',
  twemoji: '.',
  openmoji: 'color/svg',
  'openmoji-black': 'black/svg',
}

/** A drawing by its file; the key is absent where the name is no code point. */
interface Found extends Pick<Drawing, 'kind' | 'decode'> {
  key?: string
  file: string
}

async function listFiles(folder: string, style: Style): Promise<Found[]> {
  const files = (await readdir(folder)).filter((file) => /\.(webp|svg)$/.test(file)).sort()
  const found: Found[] = []
  for (const file of files) {
    const path = join(folder, file)
    const [stem, extension] = file.split('.')
    const key = isCodePoints(stem) ? conceptKey(stem) : undefined
    const wanted = key !== undefined && !hasSkinTone(key)
    // A header that cannot be read counts as a still: decoding it later tells what is wrong.
    const count =
      wanted && style === 'fluent'
        ? await pictureInfo(path).then(
            ({ count }) => count,
            () => 1,
          )
        : 1
    const decode = async () => {
      const bytes = await readFile(path)
      if (extension === 'webp') return decodeClip(bytes, { name: file })
      return { ...(await rasterizeSvg(bytes, vectorSize, file)), delays: [] }
    }
    found.push({ key, file, kind: count > 1 ? 'clip' : 'still', decode })
  }
  return found
}

const iconSet = z.object({
  width: z.number().default(16),
  height: z.number().default(16),
  icons: z.record(
    z.string(),
    z.object({ body: z.string(), width: z.number().optional(), height: z.number().optional() }),
  ),
  aliases: z.record(z.string(), z.object({ parent: z.string() })).default({}),
})

/** The drawings of an Iconify set: chars.json names the icon of each code point, icons.json holds the insides of its SVG. */
async function listIcons(folder: string): Promise<Found[]> {
  const { icons, aliases, ...size } = await readJsonAs(join(folder, 'icons.json'), iconSet)
  const chars = await readJsonAs(join(folder, 'chars.json'), z.record(z.string(), z.string()))
  return Object.entries(chars).flatMap(([points, name]): Found[] => {
    const icon = icons[name] ?? icons[aliases[name]?.parent ?? '']
    if (!icon) return []
    const { body, width = size.width, height = size.height } = icon
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">${body}</svg>`
    const decode = async () => ({
      ...(await rasterizeSvg(new TextEncoder().encode(svg), vectorSize, name)),
      delays: [],
    })
    return [{ key: isCodePoints(points) ? conceptKey(points) : undefined, file: name, kind: 'still', decode }]
  })
}
