import { stream } from '../random.ts'
import type { LabelledPictures } from './labelled-pictures.ts'
import { drawScene, keys, paintShapes, placedShapes, type ShapeScene, shapeColours, shapeKinds } from './shapes.ts'

/** Which pictures are drawn. */
export interface ShapePicturesOptions {
  readonly count: number // N
  readonly size: number // H and W
  readonly seed: number
  readonly groups?: number // most kinds of shapes in a picture; 1
  readonly shapes?: number // most of one kind; 1
}

/**
 * Coloured shapes on white paper, [N, 3, S, S] in [−1, 1], each with its scene, from which `captionShapes` makes captions.
 * Labels are those of the first group: `shape` and `colour`, in the order of `shapeKinds` and `shapeColours`.
 */
export function shapePictures(
  options: ShapePicturesOptions,
): LabelledPictures & { readonly scenes: readonly ShapeScene[] } {
  const { count, size, seed, groups = 1, shapes = 1 } = options
  const scenes = Array.from({ length: count }, (_, n) =>
    drawScene(stream({ seed, purpose: 'scene', sample: n }), { groups, count: shapes }),
  )
  const plane = size * size
  const pixels = new Float32Array(count * 3 * plane)
  for (const [n, scene] of scenes.entries()) {
    const bytes = paintShapes(placedShapes(scene), size)
    for (let i = 0; i < plane; i++)
      for (let c = 0; c < 3; c++) {
        const cover = bytes[4 * i + 3] / 255
        pixels[(3 * n + c) * plane + i] = (bytes[4 * i + c] / 127.5) * cover + 2 * (1 - cover) - 1
      }
  }
  const of = (name: (scene: ShapeScene) => number) => Int32Array.from(scenes, name)
  const labels = {
    shape: of(([{ shape }]) => keys(shapeKinds).indexOf(shape)),
    colour: of(([{ colour }]) => keys(shapeColours).indexOf(colour)),
  }
  return { count, shape: [3, size, size], pixels, labels, scenes }
}
