import {
  captionMovingScene,
  captionShapes,
  drawMovingScene,
  drawScene,
  paintMovingScene,
  paintShapes,
  placedShapes,
  stream,
} from 'tubelet'
import { drawings, type ImageToTextOptions, pipeline } from 'tubelet/node'

// How often a captioner names an emoji by its label, and tells shapes exactly as they are:
//   node --import tsx --conditions=source scripts/captioner-figures.ts [MODEL]
// Emoji: clips of data/emoji-64, at most 100 of each split, evenly over it. Shapes are drawn anew, none was trained on.

const [model = 'models/captioner'] = process.argv.slice(2)
const [count, size, moments] = [100, 64, 4]
await using write = await pipeline('image-to-text', model)
const kinds = (['en', 'zh'] as const).flatMap((language) =>
  (['short', 'long'] as const).map((detail) => ({ language, detail })),
)
type Kind = (typeof kinds)[number]

/** The part of some pictures whose caption is right. */
async function share(
  pictures: readonly { frames: Uint8Array; right: (caption: string) => boolean }[],
  options: ImageToTextOptions,
): Promise<string> {
  let right = 0
  for (const { frames, right: isRight } of pictures) {
    const count = frames.length / (4 * size * size)
    const { text } = await write({ frames, count, width: size, height: size, fps: count > 1 ? 10 : 0 }, options)
    if (isRight(text)) right += 1
  }
  return (right / pictures.length).toFixed(2)
}

async function print(name: string, pictures: (kind: Kind) => Parameters<typeof share>[0], of: readonly Kind[]) {
  const cells: string[] = []
  for (const kind of of) cells.push(`${kind.language} ${kind.detail} ${await share(pictures(kind), kind)}`)
  console.log(`${name}: ${cells.join(', ')}`)
}

for (const split of ['train', 'held-out'] as const) {
  const all = (await drawings(['data/emoji-64'], { size, split })).filter(({ frames }) => frames > 1)
  const step = Math.max(1, all.length / count)
  const some = Array.from({ length: Math.min(count, all.length) }, (_, i) => all[Math.floor(i * step)])
  const told = ({ language }: Kind) =>
    some.map(({ meta, pixels }) => ({
      frames: pixels(),
      right: (text: string) => text.toLowerCase().includes(meta[language].label.toLowerCase()),
    }))
  await print(`${some.length} clips of emoji, ${split}, the label is told`, told, kinds)
}
const random = (purpose: string, sample: number) => stream({ seed: 1, purpose, sample })
await print(
  `${count} pictures of shapes, word by word`,
  ({ language, detail }) =>
    Array.from({ length: count }, (_, i) => {
      const scene = drawScene(random('unseen shapes', i))
      const want = captionShapes(scene, language, detail)
      return { frames: paintShapes(placedShapes(scene), size), right: (text: string) => text === want }
    }),
  kinds,
)
await print(
  `${count} clips of moving shapes, word by word`,
  ({ language, detail }) =>
    Array.from({ length: count }, (_, i) => {
      const scene = drawMovingScene(random('unseen motion', i))
      const want = captionMovingScene(scene, language, detail)
      return { frames: paintMovingScene(scene, { frames: moments, size }), right: (text: string) => text === want }
    }),
  kinds,
)
