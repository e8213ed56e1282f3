/** A prompt becomes an animated picture with transparency, and goes on, drawn by the model that comes with the package. */
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { encodeWebp, pipeline } from 'tubelet/node'

await using draw = await pipeline('text-to-video', 'models/emoji-video', {
  onProgress(event) {
    if (event.kind === 'step') console.log(`step ${event.step} of ${event.steps}`)
  },
})
const heart = await draw('a beating heart', { seed: 7, numInferenceSteps: 8 })
const longer = await draw('a beating heart', { seed: 8, numInferenceSteps: 8, from: { extend: heart } })
const file = join(await mkdtemp(join(tmpdir(), 'tubelet-')), 'heart.webp')
await writeFile(file, await encodeWebp(longer))
console.log(`${heart.count} frames, then ${longer.count}, of ${longer.width} × ${longer.height} in ${file}`)
