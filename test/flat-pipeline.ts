import { pipeline } from '../src/generate/pipeline.ts'
import { nodeRuntime } from '../src/runtime/node.ts'

// Prints the resident memory, in bytes, after 50 and after 150 rounds of every pipeline of the model folder and the
// captioner that are named: calls of five that stay open, one of which searches the folder of pictures that is named, and
// one that is opened, called and released. A program of its own, started with --expose-gc.

const [folder, captioner, pictures] = process.argv.slice(2)
const runtime = nodeRuntime({ threads: 1 })
const side = 256
await using classify = await pipeline('zero-shot-image-classification', folder, { runtime })
await using texts = await pipeline('feature-extraction', folder, { runtime })
await using draw = await pipeline('text-to-video', folder, { runtime })
await using caption = await pipeline('image-to-text', captioner, { runtime })
await using search = await pipeline('image-search', folder, { runtime })

const sizes: number[] = []
for (let round = 1; round <= 150; round++) {
  const frames = new Uint8Array(2 * side * side * 4).fill(round)
  const picture = { frames, count: 2, width: side, height: side, fps: 10 }
  await classify([picture, picture], [`heart ${round}`, 'cat'])
  await texts(['a red heart', '跳动的红心'])
  await draw('cat', { seed: round, numInferenceSteps: 1, from: { image: picture } })
  await caption(picture)
  await search('cat', { in: pictures })
  await using images = await pipeline('image-feature-extraction', folder, { runtime })
  await images(picture)
  if (round % 100 !== 50) continue
  globalThis.gc!()
  sizes.push(process.memoryUsage.rss())
}
process.stdout.write(JSON.stringify(sizes))
