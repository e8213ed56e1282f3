import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Dataset, SampleMeta } from '../src/data/dataset.ts'
import { type TarEntry, writeTar } from '../src/files/tar.ts'
import { encodeWebp } from '../src/files/webp.ts'

/** Concepts of the tiny data set; the last two are held out. */
const labels = [
  ['red heart', '红心'],
  ['blue bird', '蓝鸟'],
  ['cat', '猫'],
  ['clock face', '钟面'],
  ['red car', '红色汽车'],
  ['smiling face', '笑脸'],
] as const

/** A square of a colour that goes round a circle once in a loop. */
function movingSquare(i: number, { size, frames }: { size: number; frames: number }): Uint8Array {
  const bytes = new Uint8Array(frames * size * size * 4)
  const colour = [(i * 97) % 256, (i * 53 + 80) % 256, (i * 31 + 160) % 256, 255]
  for (let t = 0; t < frames; t++) {
    const angle = (2 * Math.PI * (t + i)) / frames
    const [left, top] = [Math.cos(angle), Math.sin(angle)].map((x) => Math.round((size / 4) * (1.5 + x)))
    for (let y = 0; y < size / 4; y++)
      for (let x = 0; x < size / 4; x++) bytes.set(colour, 4 * ((t * size + top + y) * size + left + x))
  }
  return bytes
}

/** Writes a data set of six clips, or stills, four of them for training, as `tubelet data build` would. */
export async function writeTinyData(
  folder: string,
  { size = 32, frames = 5, fps = 10, kind = 'clip' as 'clip' | 'still' } = {},
): Promise<string> {
  await mkdir(folder, { recursive: true })
  const entries: TarEntry[] = []
  for (const [i, [en, zh]] of labels.entries()) {
    const clip = { frames: movingSquare(i, { size, frames }), count: frames, width: size, height: size, fps }
    const caption = (label: string) => ({ label, tags: [] })
    const meta: SampleMeta = {
      ...{ codePoint: `1f6${i}`, emoji: '?', en: caption(en), zh: caption(zh), kind, style: 'fluent' },
      ...{ split: i < 4 ? 'train' : 'held-out', width: size, height: size, frames, fps },
      ...{ sourceFrames: frames, sourceFps: fps, durationMs: (1000 * frames) / fps },
    }
    entries.push({ name: `1f6${i}.webp`, bytes: await encodeWebp(clip, { quality: 'lossless' }) })
    entries.push({ name: `1f6${i}.json`, bytes: new TextEncoder().encode(JSON.stringify(meta)) })
  }
  const file = `fluent-${kind}s-00000.tar`
  const written = await writeTar(join(folder, file), entries)
  const counts = { samples: 6, train: 4, heldOut: 2, bytes: written.bytes }
  const dataset: Dataset = {
    ...{ format: 1, name: 'tiny', size, frames, quality: 'lossless', alphaQuality: 100, languages: ['en', 'zh'] },
    ...{
      fingerprint: kind === 'clip' ? `tiny-${size}` : `tiny-${kind}-${size}`,
      counts: { ...counts, clips: kind === 'clip' ? 6 : 0, stills: kind === 'still' ? 6 : 0 },
      packages: [],
      tools: {},
      skipped: [],
    },
    shards: [{ ...{ file, style: 'fluent', kind }, samples: 6, train: 4, heldOut: 2, ...written, skipped: [] }],
  }
  await writeFile(join(folder, 'dataset.json'), JSON.stringify(dataset))
  return folder
}
