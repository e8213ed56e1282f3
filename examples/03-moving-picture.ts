/** A prompt becomes an animated picture with transparency, drawn by the model that comes with the package. */
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { encodeWebp, nodeRuntime, textToVideo } from 'tubelet/node'

const model = await textToVideo('models/emoji-video', nodeRuntime())
const recipe = { prompt: 'a beating heart', negativePrompt: '', seed: 7, steps: 8, guidance: 3 }
for await (const event of model.generate([recipe])) {
  if (event.kind === 'step') console.log(`step ${event.step} of ${event.steps}`)
  if (event.kind === 'clip') {
    const file = join(await mkdtemp(join(tmpdir(), 'tubelet-')), 'heart.webp')
    await writeFile(file, await encodeWebp(event.clip))
    console.log(`${event.clip.count} frames of ${event.clip.width} × ${event.clip.height} in ${file}`)
  }
}
await model.release()
