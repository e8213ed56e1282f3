import type { RecipeContext } from 'tubelet'
import { type ClassedDrawing, composited, type DrawingClasses, drawingClasses, drawings, shipped } from 'tubelet/node'

/** Side of the drawings in pixels. */
export const side = 64

/** Drawings with their classes, as `drawingClasses` chooses them; the shipped ones where no folders are named. */
export async function emojiClasses({
  data = shipped('data/emoji-64'),
  report,
}: Pick<RecipeContext, 'data' | 'report'>) {
  const classes = drawingClasses(await drawings(data.split(','), { size: side }))
  const { names, heldOutBy, train, heldOut } = classes
  report(`${train.length} drawings of ${names.length} classes; ${heldOut.length} of another ${heldOutBy} are held out`)
  return classes
}

/** Every fourth frame of the held-out drawings, straight RGBA [64, 64, 4], and its class. */
export function* heldOutPictures({ heldOut }: DrawingClasses) {
  for (const { drawing, label } of heldOut)
    for (let t = 0; t < drawing.frames; t += 4) yield { bytes: frameOf({ drawing }, t), label }
}

/** One frame of a drawing: straight RGBA [64, 64, 4]. */
export function frameOf({ drawing }: Pick<ClassedDrawing, 'drawing'>, t: number): Uint8Array {
  const frame = 4 * side * side
  return drawing.pixels().subarray(t * frame, (t + 1) * frame)
}

/** Planes [3, H, W] on white. */
export function onWhite(bytes: Uint8Array): Float32Array {
  const planes = new Float32Array((bytes.length / 4) * 3)
  composited(bytes, [255, 255, 255], planes)
  return planes
}
