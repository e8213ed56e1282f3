/**
 * Classifier-free guidance over its scale (Ho & Salimans 2022, figure 4; Rombach et al. 2022, section 4.3): the U-Net of
 * Stable Diffusion in small, which reads two words by cross-attention, draws coloured shapes of 16 × 16. One training
 * sample in ten has no words. The more guidance, the more often the picture shows what was asked, as a classifier sees it;
 * the Fréchet distance to the data falls first and then rises.
 */
import {
  ddpmConfig,
  denoising,
  drawSamples,
  frechet,
  type GuidedDenoiserOptions,
  guidedDenoiser,
  learnClassifier,
  type Reproduction,
  schedulerFromConfig,
  shapePictures,
  stream,
  type UNetConfig,
  unet,
  unetSizes,
  warmupCosine,
} from 'tubelet'
import { pictureGrid } from 'tubelet/node'

const side = 16
const batch = 32
const [words, width] = [2, 32] // states of a prompt: [L, D]
const process = ddpmConfig.parse({ beta_schedule: 'linear', prediction_type: 'v_prediction' })
// The chain, as in Ho & Salimans: guidance leads out of the range of pixels, and the next picture of the chain is made
// from the clipped one. DDIM takes its noise from what was not clipped, so that the excess comes back.
const scheduler = { ...process, _class_name: 'DDPMScheduler', timestep_spacing: 'trailing' } as const
const [plain, attending] = [false, true].map((attention) => ({ attention, resample: 'conv' }) as const)
const network: UNetConfig = {
  ...unetSizes['SD-1'],
  ...{ channels: 3, outChannels: 3, widths: [16, 32], depth: 1, timeWidth: 64, groups: 8, attentionGroups: 8 },
  ...{ down: [plain, attending], up: [attending, plain] },
  text: { width, heads: [1, 2], depth: [1, 1], linear: false },
}

/** A text encoder that is frozen, as CLIP is in Stable Diffusion: the colour's vector and the shape's; without words, zeros. */
const vectors = (name: string) =>
  Array.from({ length: 6 }, (_, n) => stream({ seed: 0, purpose: name, sample: n }).normal(width))
const [colours, kinds] = [vectors('colour'), vectors('shape')]
function statesOf(prompts: readonly (readonly [shape: number, colour: number] | undefined)[]): Float32Array {
  const states = new Float32Array(prompts.length * words * width)
  for (const [n, prompt] of prompts.entries()) {
    if (!prompt) continue
    states.set(colours[prompt[1]], n * words * width)
    states.set(kinds[prompt[0]], (n * words + 1) * width)
  }
  return states
}

export default {
  name: 'guidance-sweep',
  system: 'latent diffusion',
  source: 'Ho & Salimans 2022, section 4 and figure 4; Rombach et al. 2022, section 4.3',
  claim: {
    en: 'Up to a moderate scale, more guidance shows more often what was asked, and far beyond it less often; the Fréchet distance has its least at a moderate scale and rises beyond it.',
    zh: '在适中的强度以内，引导越强，图像越常符合提示词，远超过它则更少符合；Fréchet 距离在适中的引导强度达到最小，再增大就会上升。',
  },
  seeds: [1, 2],

  async measure({ runtime, seed, quick, signal, learn, report }) {
    const steps = quick ? 700 : 5000
    const scales = quick ? [0, 1, 4] : [0, 0.5, 1, 1.5, 2, 3, 5, 8, 12]
    const drawn = quick ? 192 : 512
    const shapes = shapePictures({ count: quick ? 2048 : 8192, size: side, seed })
    // Drawn anew, but there are few such pictures: most of these are in the training data too.
    const reference = shapePictures({ count: 1024, size: side, seed: seed + 1000 })
    report('training the classifier that scores')
    const judge = await learnClassifier(shapes, { runtime, seed, steps: quick ? 150 : 1000, signal })
    const real = await judge.features(reference.pixels)
    const build: GuidedDenoiserOptions['build'] = (p) => {
      const predict = unet(p, network)
      return (x, t, { text }) => predict(x, t, { text })
    }
    report(`training for ${steps} steps`)
    const { weights } = await learn({
      ...{ name: 'guidance-sweep', seed, steps },
      ...denoising(shapes, {
        ...{ batch, seed, config: process, build },
        told: {
          text: {
            shape: [words, width],
            of(chosen, step) {
              const dropped = stream({ seed, purpose: 'no words', step }).uniform(batch)
              const prompts = Array.from(chosen, (n, b) =>
                dropped[b] < 0.1 ? undefined : ([shapes.labels.shape[n], shapes.labels.colour[n]] as const),
              )
              return statesOf(prompts)
            },
          },
        },
      }),
      lr: warmupCosine({ peak: 2e-3, warmup: steps >> 4, total: steps, floor: 0.1 }),
      optimizer: { weightDecay: 0, clip: 1, ema: 0.99 },
    })
    const program = await guidedDenoiser(runtime, {
      ...{ build, weights },
      ...{ shape: [batch, 3, side, side], told: { text: { shape: [words, width] } }, guided: true },
    })
    const asked = (n: number) => [n % 6, Math.floor(n / 6) % 6] as const // shape and colour of sample n
    const figures: Record<string, number> = {}
    const series: Record<string, [number, number][]> = { 'Fréchet distance': [], score: [] }
    const rows: Float32Array[] = []
    for (const scale of scales) {
      report(`drawing with guidance ${scale}`)
      const pixels = await drawSamples(program, {
        scheduler: schedulerFromConfig(scheduler, quick ? 12 : 40),
        ...{ seed, count: drawn, signal },
        told(first) {
          const prompts = Array.from({ length: batch }, (_, b) => asked(first + b))
          return {
            text: statesOf([...prompts, ...prompts.map(() => undefined)]),
            guidance: Float32Array.of(scale),
          }
        },
      })
      const seen = await judge.classify(pixels)
      const hasColour = (n: number) => seen.colour[n] === asked(n)[1]
      const right = seen.shape.filter((kind, n) => kind === asked(n)[0] && hasColour(n)).length
      const far = frechet(await judge.features(pixels), real)
      figures[`guidance ${scale}: Fréchet distance`] = far
      figures[`guidance ${scale}: shape and colour as asked`] = right / drawn
      figures[`guidance ${scale}: colour as asked`] = seen.colour.filter((_, n) => hasColour(n)).length / drawn
      series['Fréchet distance'].push([scale, far])
      series.score.push([scale, right / drawn])
      rows.push(pixels.slice(0, 12 * 3 * side * side))
    }
    await Promise.all([program.release(), judge.release()])
    const pixels = new Float32Array(rows.flatMap((row) => [...row]))
    const png = await pictureGrid(pixels, { channels: 3, height: side, width: side, columns: 12 })
    return { figures, series, pictures: { shapes: png } }
  },

  holds: (seeds, { quick }) =>
    seeds.every((figures) => {
      const score = (scale: number) => figures[`guidance ${scale}: shape and colour as asked`]
      const colour = (scale: number) => figures[`guidance ${scale}: colour as asked`]
      const far = (scale: number) => figures[`guidance ${scale}: Fréchet distance`]
      // Colours are learnt first: in small there are no shapes yet.
      if (quick) return colour(4) > colour(0) + 0.1 && colour(4) > colour(1)
      const rises = score(3) > score(0) + 0.2 && score(3) > score(1) && score(12) < score(3)
      const least = Math.min(...[0.5, 1, 1.5, 2, 3, 5].map(far))
      return rises && least < 0.9 * far(0) && least < 0.9 * far(12)
    }),

  charts: [
    {
      name: 'distance',
      title: { en: 'Fréchet distance over guidance', zh: 'Fréchet 距离与引导强度' },
      x: { label: { en: 'guidance (0: no words, 1: words alone)', zh: '引导强度（0 为无提示词，1 为仅提示词）' } },
      y: { label: { en: 'Fréchet distance', zh: 'Fréchet 距离' } },
      lines: [{ series: 'Fréchet distance', label: { en: 'Fréchet distance', zh: 'Fréchet 距离' } }],
    },
    {
      name: 'score',
      title: { en: 'Pictures that show what was asked, over guidance', zh: '符合提示词的图像比例与引导强度' },
      x: { label: { en: 'guidance', zh: '引导强度' } },
      y: { label: { en: 'share of the pictures', zh: '图像比例' } },
      lines: [{ series: 'score', label: { en: 'shape and colour as asked', zh: '形状和颜色均符合' } }],
    },
  ],
  pictures: [
    {
      name: 'shapes',
      title: {
        en: 'Twelve prompts from the same noise; guidance grows from row to row',
        zh: '同一批噪声下的十二个提示词，引导强度逐行增大',
      },
    },
  ],
} satisfies Reproduction
