import { resizeClip } from '../data/resize.ts'
import { stoppedError } from '../errors.ts'
import type { Clip } from '../files/clip.ts'
import { withHeatMap } from '../files/heat-map.ts'
import { readPicture } from '../files/picture-file.ts'
import { attentionMap } from '../generate/attention-map.ts'
import { clipHash, readPart } from '../generate/model-folder.ts'
import { nodeRuntime } from '../runtime/node.ts'
import { checkClipName, checkClipPlaces, writeClip } from './clip-file.ts'
import { checkFiles } from './clip-input.ts'
import { command } from './command.ts'
import { defaultModel, findModel } from './models.ts'
import { progress } from './progress.ts'

/** Longer side of what is written, in pixels, at most. */
const largest = 512

/** `tubelet explain attention FILE`: where CLIP looks, as a heat map over the picture or over each frame of the clip. */
export const explainAttentionCommand = command({
  define: (command, t) =>
    command
      .argument('<file>', t('explain.attention.file'))
      .option('-m, --model <model>', t('clip.model'), defaultModel)
      .option('-o, --out <file>', t('explain.attention.out')),

  async run([file], { model, out: asked }, shell) {
    const { io, path, t } = shell
    if (asked !== undefined) checkClipName(asked)
    await checkFiles([path(file)])
    const folder = await findModel(model, io.cwd)
    const read = await readPicture(path(file), { env: io.env, name: file })
    const clip = withinSize({ ...read, fps: read.fps || 12 }) // a strip tells no speed
    const out = asked ?? (clip.count > 1 ? 'attention.webp' : 'attention.png')
    await checkClipPlaces([path(out)], io.env)
    const looking = await attentionMap(await readPart(folder, 'text_encoder', 'CLIPModel'), nodeRuntime())
    const bar = progress(shell, {
      total: clip.count,
      label: (done) => t('explain.attention.progress', { done, total: clip.count }),
    })
    const maps: Float32Array[] = []
    try {
      for (let frame = 0; frame < clip.count; frame++) {
        if (io.signal.aborted) throw stoppedError()
        maps.push(await looking.ofFrame(clip, frame))
        bar.update(frame + 1)
      }
    } finally {
      bar.end()
      await looking.release()
    }
    const { grid } = looking
    const { mean, least, most } = spread(maps)
    const recipe = { attention: file, model, modelHash: await clipHash(folder) }
    await writeClip(path(out), withHeatMap(clip, maps, { grid, least, most }), { recipe, env: io.env })
    shell.say(t('explain.attention.told', { most: (most / mean).toFixed(1), least: (least / mean).toFixed(1) }))
    shell.result({ path: path(out), ...recipe, grid, maps: maps.map((map) => [...map]) }, out)
    return undefined
  },
})

/** A clip whose longer side is at most `largest` pixels. */
function withinSize(clip: Clip): Clip {
  const scale = Math.min(1, largest / Math.max(clip.width, clip.height))
  const scaled = (pixels: number) => Math.max(1, Math.round(pixels * scale))
  return resizeClip(clip, scaled(clip.width), scaled(clip.height))
}

/** Mean, least and most of all numbers of all maps. */
function spread(maps: readonly Float32Array[]) {
  const all = maps.flatMap((map) => [...map])
  return { mean: all.reduce((a, b) => a + b) / all.length, least: Math.min(...all), most: Math.max(...all) }
}
