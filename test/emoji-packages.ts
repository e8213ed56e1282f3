import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { encodeWebp } from '../src/files/webp.ts'

/**
 * A disc of one colour on transparent ground; it moves down by one pixel a frame and comes back: [T, S, S, 4].
 * An odd count repeats its lowest place, which an encoder joins into one frame.
 */
export function movingDisc(count: number, size: number, [r, g, b]: readonly [number, number, number]) {
  const frames = new Uint8Array(count * size * size * 4)
  for (let t = 0; t < count; t++) {
    const rise = Math.min(t, count - t)
    for (let y = 0; y < size; y++) {
      for (let x = 0; x < size; x++) {
        const inside = Math.hypot(x - size / 2, y - rise - size / 4) < size / 5
        if (inside) frames.set([r, g, b, 255], ((t * size + y) * size + x) * 4)
      }
    }
  }
  return { frames, count, width: size, height: size, fps: count > 1 ? 24 : 0 }
}

/** What a fake package folder holds: name of a file → its content. */
type Files = Record<string, string | Uint8Array>

const words = [
  { hexcode: '1F600', emoji: '😀', label: 'grinning face', tags: ['smile'], group: 0, subgroup: 0 },
  { hexcode: '2764-FE0F', emoji: '❤️', label: 'red heart', tags: ['love'], group: 0, subgroup: 0 },
  { hexcode: '0023-FE0F-20E3', emoji: '#️⃣', label: 'keycap: #', tags: ['keycap'], group: 0, subgroup: 0 },
  { hexcode: '1F525', emoji: '🔥', label: 'fire', tags: ['flame'] },
]
const chinese: Record<string, [string, string[]]> = {
  '1F600': ['嘿嘿', ['笑脸']],
  '2764-FE0F': ['红心', ['爱']],
  '0023-FE0F-20E3': ['按键: #', ['按键']],
  '1F525': ['火', ['火焰']],
}
const named = (message: string) => [{ key: 'smileys-emotion', message, order: 0 }]

/** A folder with the parts of emojibase-data that are read: four concepts in English and Chinese. */
function captionFiles(): Files {
  const zh = words.map((word) => ({ ...word, label: chinese[word.hexcode][0], tags: chinese[word.hexcode][1] }))
  const messages = (message: string) => JSON.stringify({ groups: named(message), subgroups: named(message) })
  return {
    'en/data.json': JSON.stringify(words),
    'zh/data.json': JSON.stringify(zh),
    'en/messages.json': messages('smileys & emotion'),
    'zh/messages.json': messages('笑脸'),
    LICENSE: 'MIT License of the captions',
  }
}

/** Writes small packages in the layout of the real ones below a folder; returns where each lies, as `locate` asks. */
export async function emojiPackages(root: string): Promise<(pinned: { name: string }) => Promise<string>> {
  const red = await encodeWebp(movingDisc(12, 32, [220, 30, 40]), { quality: 'lossless' })
  const blue = await encodeWebp(movingDisc(8, 32, [20, 60, 220]), { quality: 'lossless' })
  const still = await encodeWebp(movingDisc(1, 32, [240, 200, 0]), { quality: 'lossless' })
  const svg =
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 36 36"><circle fill="#D22" cx="18" cy="18" r="12"/></svg>'
  const packages: Record<string, Files> = {
    'emojibase-data': captionFiles(),
    '@lobehub/fluent-emoji-anim-1': {
      'assets/2764-fe0f.webp': red,
      'assets/1f600.webp': blue,
      'assets/1f44b-1f3fb.webp': red, // a skin tone
    },
    '@lobehub/fluent-emoji-anim-2': {
      'assets/23-20e3.webp': still,
      'assets/0023-fe0f-20e3.webp': still, // the same concept, spelled otherwise
      'assets/1fae8.webp': still, // no caption
    },
    '@lobehub/fluent-emoji-anim-3': { 'assets/1f525.webp': red.subarray(0, 200), 'assets/logo.webp': still },
    '@lobehub/fluent-emoji-anim-4': { 'assets/.gitkeep': '' },
    '@twemoji/svg': { '2764.svg': svg, '1f600.svg': svg },
    '@iconify-json/noto': {
      'icons.json': JSON.stringify({
        width: 128,
        icons: { heart: { body: '<circle r="40" cx="64" cy="64"/>' } },
        height: 128,
      }),
      'chars.json': JSON.stringify({ '2764': 'heart', '2764-fe0f': 'heart', '1f600': 'absent' }),
    },
  }
  for (const [name, files] of Object.entries(packages)) {
    for (const [file, content] of Object.entries(files)) {
      await mkdir(join(root, name, file, '..'), { recursive: true })
      await writeFile(join(root, name, file), content)
    }
  }
  return async ({ name }) => join(root, name)
}
