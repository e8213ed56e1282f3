/**
 * CLIP's two encoders meet in one product of vectors only. So N pictures and M texts take N + M passes, whose vectors can
 * be kept, and not the 2 · N · M of a comparison that encodes both sides of every pair again.
 */
import { type ClipConfig, clipModel, costOf, input, nn, type Reproduction, stream, TubeletError } from 'tubelet'

const encoder = {
  width: 64,
  depth: 2,
  heads: 4,
  hidden: 256,
  activation: 'quick_gelu',
  qkvBias: true,
  eps: 1e-5,
} as const
const [side, context, vocabulary] = [32, 8, 64]
const config: ClipConfig = {
  vision: { ...encoder, imageSize: side, patchSize: 8, channels: 3 },
  text: { ...encoder, vocabulary, context, endOfText: vocabulary - 1 },
  projection: 64,
}

export default {
  name: 'clip-time-sharing',
  system: 'CLIP',
  source:
    'Radford et al. 2021, section 3.1.2: the text embeddings of a zero-shot classifier are computed once and kept',
  claim: {
    en: 'Vectors that were encoded once give the scores that encoding both sides of each pair gives, with N + M encoder passes instead of 2 N M.',
    zh: '图和文各编码一次并把向量存起来，得分与每一对都重新编码相同，编码次数从 2NM 降到 N + M。',
  },
  seeds: [1, 2],

  async measure({ runtime, seed, quick, signal }) {
    const [N, M] = quick ? [6, 8] : [24, 32]
    const p = nn.params()
    const { image, text } = clipModel(p, config)
    const weights = Object.fromEntries(
      Array.from(p.all.values(), ({ name, tensor, init }) => [
        name,
        init(tensor.shape, stream({ seed, purpose: `init ${name}` })),
      ]),
    )
    const pictures = Array.from({ length: N }, (_, sample) =>
      stream({ seed, purpose: 'picture', sample }).normal(3 * side * side),
    )
    const texts = Array.from({ length: M }, (_, sample) => {
      const random = stream({ seed, purpose: 'text', sample })
      return Int32Array.from({ length: context }, (_, i) =>
        i === context - 1 ? vocabulary - 1 : random.integer(vocabulary - 1),
      )
    })
    let passes = 0
    /** Encodes so many at a time. */
    const encoders = async (n: number, m: number) => {
      const seeing = image(input('pixels', [n, 3, side, side])).embedding
      const reading = text(input('ids', [m, context], 'int32')).embedding
      const [see, read] = [
        await runtime.load({ y: seeing }, { constants: weights }),
        await runtime.load({ y: reading }, { constants: weights }),
      ]
      return {
        seeing,
        reading,
        async see(some: readonly Float32Array[]) {
          passes += n
          return rows((await see.run({ pixels: Float32Array.from(some.flatMap((x) => [...x])) })).y as Float32Array)
        },
        async read(some: readonly Int32Array[]) {
          passes += m
          return rows((await read.run({ ids: Int32Array.from(some.flatMap((x) => [...x])) })).y as Float32Array)
        },
        async release() {
          await see.release()
          await read.release()
        },
      }
    }

    const single = await encoders(1, 1)
    const again: number[] = []
    for (const picture of pictures)
      for (const words of texts) {
        if (signal?.aborted) throw new TubeletError('stopped', 'stopped before it was done')
        const [[a], [b]] = [await single.see([picture]), await single.read([words])]
        again.push(dot(a, b))
      }
    await single.release()
    const passesAgain = passes
    passes = 0
    const all = await encoders(N, M)
    const [seen, read] = [await all.see(pictures), await all.read(texts)]
    const kept = seen.flatMap((a) => read.map((b) => dot(a, b)))
    await all.release()

    const [ofPicture, ofText] = [costOf([single.seeing]).flops / 2, costOf([single.reading]).flops / 2]
    const products = N * M * config.projection
    return {
      figures: {
        pictures: N,
        texts: M,
        'encoder passes, each pair again': passesAgain,
        'encoder passes, once': passes,
        'million multiply-adds, each pair again': (N * M * (ofPicture + ofText) + products) / 1e6,
        'million multiply-adds, once':
          (costOf([all.seeing]).flops / 2 + costOf([all.reading]).flops / 2 + products) / 1e6,
        'largest difference of a score': Math.max(...kept.map((score, i) => Math.abs(score - again[i]))),
        'spread of the scores': Math.max(...again) - Math.min(...again),
      },
      series: {},
    }
  },

  holds: (seeds) =>
    seeds.every((figures) => {
      const [N, M] = [figures.pictures, figures.texts]
      return (
        figures['encoder passes, each pair again'] === 2 * N * M &&
        figures['encoder passes, once'] === N + M &&
        figures['million multiply-adds, once'] * 4 < figures['million multiply-adds, each pair again'] &&
        figures['largest difference of a score'] < 1e-6 &&
        figures['spread of the scores'] > 1e-3 // the scores tell pairs apart
      )
    }),

  charts: [],
} satisfies Reproduction

/** The vectors of a run. */
const rows = (y: Float32Array): Float32Array[] =>
  Array.from({ length: y.length / config.projection }, (_, i) =>
    y.slice(i * config.projection, (i + 1) * config.projection),
  )

const dot = (a: Float32Array, b: Float32Array): number => a.reduce((sum, x, i) => sum + x * b[i], 0)
