import { fetchTextToVideo } from '../../src/generate/fetch-text-to-video.ts'
import type { Recipe } from '../../src/generate/text-to-video.ts'
import { webRuntime } from '../../src/runtime/web.ts'

/** Draws one clip in this page, on WebAssembly, from a model folder that the test's server offers. */
async function draw(model: string, recipe: Recipe) {
  const pipeline = await fetchTextToVideo(model, webRuntime({ device: 'wasm', assets: '/engine/' }))
  for await (const event of pipeline.generate([recipe])) {
    if (event.kind !== 'clip') continue
    await pipeline.release()
    const { frames, count, width, height } = event.clip
    return { frames: Array.from(frames), count, width, height }
  }
  throw new Error('no clip was drawn')
}

Object.assign(globalThis, { draw })
