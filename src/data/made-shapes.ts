import { TubeletError } from '../errors.ts'
import { type RandomStream, stream } from '../random.ts'
import { type Concept, captionLanguages } from './captions.ts'
import { splitOf } from './code-points.ts'
import { conceptOf } from './folder-captions.ts'
import type { MadeSample, MadeSet } from './made-set.ts'
import { captionMovingScene, drawMovingScene, type MovingScene, paintMovingScene } from './moving-shapes.ts'
import { captionShapes } from './shape-captions.ts'
import { drawScene, paintShapes, placedShapes, shapeColours, shapeKinds } from './shapes.ts'

/** Which shapes are drawn. */
export interface MadeShapesOptions {
  readonly count: number // of pictures or clips
  readonly seed: number
}

const fps = 12

/** Coloured shapes on nothing, told by count, colour and shape, or by size and place as well; the scene is the label. */
export function shapesSet({
  groups = 2,
  shapes = 3,
  ...options
}: MadeShapesOptions & { groups?: number; shapes?: number }): MadeSet {
  const samples = madeOf(options, 'scene', (random): MadeSample => {
    const scene = drawScene(random, { groups, count: shapes })
    return {
      ...told(scene[0], (language, detail) => captionShapes(scene, language, detail)),
      labels: scene,
      make: ({ size }) => ({
        ...{ frames: paintShapes(placedShapes(scene), size), count: 1, width: size, height: size, fps: 0 },
      }),
    }
  })
  return { name: 'shapes', kind: 'still', content: { groups, shapes, ...options }, samples }
}

/** One moving shape a clip, told by shape, colour and directions, or by size and speeds as well; the scene is the label. */
export function movingShapesSet({ events = 2, ...options }: MadeShapesOptions & { events?: number }): MadeSet {
  const samples = madeOf(options, 'moving scene', (random): MadeSample => {
    const scene = drawMovingScene(random, { events })
    return {
      ...told(scene, (language, detail) => captionMovingScene(scene, language, detail)),
      labels: scene,
      make: ({ size, frames }) => ({
        ...{ frames: paintMovingScene(scene, { frames, size }), count: frames, width: size, height: size, fps },
      }),
    }
  })
  return { name: 'moving-shapes', kind: 'clip', content: { events, ...options }, samples }
}

function madeOf({ count, seed }: MadeShapesOptions, purpose: string, draw: (random: RandomStream) => MadeSample) {
  if (!Number.isInteger(count) || count < 1)
    throw new TubeletError('usage', `shapes: count must be a whole number above 0 (got ${count})`)
  return Array.from({ length: count }, (_, sample) => draw(stream({ seed, purpose, sample })))
}

/** A scene in words; what is told alike in long is one concept, so no held-out scene is among those of the training. */
function told(
  { shape, colour }: Pick<MovingScene, 'shape' | 'colour'>,
  caption: (language: (typeof captionLanguages)[number], detail: 'short' | 'long') => string,
): { concept: Concept; split: MadeSample['split'] } {
  const long = { en: caption('en', 'long'), zh: caption('zh', 'long') }
  const concept = { ...conceptOf(long), group: shape, subgroup: colour }
  for (const language of captionLanguages)
    concept[language] = {
      ...{ label: caption(language, 'short'), tags: [long[language]], verbatim: true },
      ...{ group: shapeKinds[shape][language], subgroup: shapeColours[colour][language] },
    }
  return { concept, split: splitOf(concept.codePoint) }
}
