/**
 * Framing of a model that trains on clips in their own aspects against one that trains on squares cut from the middle of
 * the same clips (Brooks et al. 2024, "Improved framing and composition"). A shape moves in a frame of 1 : 3 to 3 : 1 and
 * never leaves it; the square in the middle often cuts it, though the text tells it all the same. Both arms see the
 * same clips as often, in as many packed rows of as many tokens. Then both draw the same prompts from the same noise, as
 * squares, wide and tall, and it is read exactly whether the subject lies wholly in the frame. In small the models learn too
 * little to draw a subject at all: then the claim is tested of the clips alone.
 */
import { pack, type Reproduction, sizeAt, stream } from 'tubelet'
import { pictureGrid } from 'tubelet/node'
import { joined } from './digits/pictures.ts'
import { readClip, type SeenClip } from './native/clip-judge.ts'
import { rowRun, tokensOf } from './native/clip-rows.ts'
import { channels, clipConfig, drawClips, learnClips } from './native/clip-transformer.ts'
import {
  type ClipSize,
  croppedToSquare,
  drawMovingShape,
  framesOf,
  type MovingShape,
  paintClip,
  textOf,
  wantedSubjects,
} from './native/clips.ts'

const [frames, side, patchSize] = [2, 20, 4]
const square: ClipSize = { frames, height: side, width: side }
const packing = { length: 160, slots: 4, largest: { frames, height: 36, width: 36 } }
/** Sizes that are drawn, of nearly one area. */
const shapes: Record<'square' | 'wide' | 'tall', ClipSize> = {
  square,
  wide: { frames, height: 16, width: 28 },
  tall: { frames, height: 28, width: 16 },
}
const [heldOut, shown] = [500, 12]

/** How the arms see a clip. */
const arms = {
  native: (scene: MovingShape, size: ClipSize) => ({ scene, size }),
  squares: (scene: MovingShape, size: ClipSize) => ({ scene: croppedToSquare(scene, size, side), size: square }),
}

export default {
  name: 'sora-native-aspect',
  system: 'Sora',
  source: 'Brooks et al. 2024, "Variable durations, resolutions, aspect ratios" and "Improved framing and composition"',
  claim: {
    en: 'Trained on clips in their own aspects, a model draws its subject wholly in the frame far more often than one trained on square crops of the same clips, in squares as well as in wide and tall frames.',
    zh: '用原始宽高比的视频训练的模型，画面主体完整出现的比例远高于用同一批视频的正方形裁剪训练的模型，无论画正方形、横幅还是竖幅。',
  },
  seeds: [1, 2],

  async measure(context) {
    const { seed, quick, report } = context
    const count = quick ? 1500 : 90_000
    const config = clipConfig(quick ? { width: 32, depth: 2 } : { width: 64, depth: 4 })
    const wanted = wantedSubjects(quick ? 48 : 288)
    const figures: Record<string, number> = {}
    const series: Record<string, readonly (readonly [number, number])[]> = {}
    const rows: Record<string, Float32Array[]> = { square: [], wide: [], tall: [] }
    for (const [arm, see] of Object.entries(arms)) {
      const clip = (set: string) => (number: number) => {
        const { scene, size } = see(...drawnScene(seed, set, number))
        return { ...paintClip(scene, size), number }
      }
      const real = Array.from({ length: heldOut }, (_, i) => clip('held out')(i))
      tell(
        `real, ${arm}`,
        real.map(({ planes }) => readClip(planes.pixels, planes)),
        figures,
      )
      report(`${arm}: ${count} clips`)
      const lengths = Array.from({ length: count }, (_, i) => tokensOf(see(...drawnScene(seed, 'train', i)).size))
      const placed = pack(lengths, { length: packing.length, most: packing.slots })
      const run = rowRun({ ...packing, placed, rows: 6, clip: clip('train') }, config, seed)
      const { weights, curve } = await learnClips({ name: `sora-native-aspect-${arm}`, ...run }, context)
      series[arm] = curve
      figures[`tokens of a clip, ${arm}`] = lengths.reduce((a, b) => a + b) / count
      for (const [name, size] of Object.entries(shapes)) {
        const drawn = await drawClips({ weights, config }, wanted.map(textOf), { ...size, ...context })
        tell(
          `drawn ${name}, ${arm}`,
          drawn.map((pixels) => readClip(pixels, size)),
          figures,
        )
        rows[name].push(framesOf(drawn.slice(0, shown / frames), size))
      }
    }
    const pictures: Record<string, Uint8Array> = {}
    for (const [name, { height, width }] of Object.entries(shapes)) {
      pictures[name] = await pictureGrid(joined(rows[name]), { channels, height, width, columns: shown, scale: 3 })
    }
    return { figures, series, pictures }
  },

  holds: (seeds, { quick }) =>
    seeds.every((figures) => {
      const whole = (what: string, arm: keyof typeof arms) => figures[`${what}, ${arm}: whole`]
      const framed = (name: string) =>
        whole(`drawn ${name}`, 'native') > whole(`drawn ${name}`, 'squares') + 0.15 &&
        whole(`drawn ${name}`, 'native') > 0.7
      const real = whole('real', 'native') === 1 && whole('real', 'squares') < 0.7
      return real && (quick || Object.keys(shapes).every(framed))
    }),

  charts: [
    {
      name: 'loss',
      title: { en: 'Training loss by step', zh: '训练损失' },
      x: { label: { en: 'step', zh: '步' } },
      y: { label: { en: 'loss', zh: '损失' }, log: true },
      lines: [
        { series: 'native', label: { en: 'own aspects', zh: '原始宽高比' } },
        { series: 'squares', label: { en: 'square crops', zh: '正方形裁剪' } },
      ],
    },
  ],
  pictures: (['square', 'wide', 'tall'] as const).map((name, i) => ({
    name,
    title: {
      en: `Six prompts, two frames each, drawn ${['as squares', 'wide', 'tall'][i]} from the same noise; above the model of own aspects, below that of square crops`,
      zh: `同样的噪声和六个提示词，各两帧，画成${['正方形', '横幅', '竖幅'][i]}；上行为原始宽高比的模型，下行为正方形裁剪的模型`,
    },
  })),
} satisfies Reproduction

/** Clip i of a set: what moves, and the size of its frame, whose area is near to 20 × 20 pixels. */
function drawnScene(seed: number, set: string, i: number): [MovingShape, ClipSize] {
  const random = stream({ seed, purpose: `scene ${set}`, sample: i })
  const aspect = 3 ** (2 * stream({ seed, purpose: `aspect ${set}`, sample: i }).uniform(1)[0] - 1) // width / height
  const size = { frames, ...sizeAt({ height: 1, width: aspect }, { side, patchSize }) }
  return [drawMovingShape(random, size), size]
}

/** Parts of the clips whose subject lies wholly in the frame, and partly; the rest show none. */
function tell(what: string, clips: readonly SeenClip[], figures: Record<string, number>) {
  for (const where of ['whole', 'partly'] as const)
    figures[`${what}: ${where}`] = clips.filter(({ subject }) => subject === where).length / clips.length
}
