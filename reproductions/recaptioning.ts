/**
 * What a text-to-image model is told in training decides what it can be asked (Betker et al. 2023, sections 3 and 4): one
 * small model learns pictures of two shapes from short captions, from long ones, or from a mix of 95 long to 5 short. Then
 * each is asked in short, in short but expanded, and in long. Which shapes a picture holds is read exactly: a place of the
 * picture holds what looks most like it among all that could be there.
 */
import {
  add,
  captionShapes,
  div,
  flowLoss,
  input,
  logitNormalTimes,
  maximum,
  mul,
  nn,
  type Params,
  type Reproduction,
  type ReproductionContext,
  relabel,
  reshape,
  sample,
  schedulerFromConfig,
  shapeExpander,
  stream,
  sub,
  type Tensor,
  tokenizer,
  trainTokenizer,
  transpose,
  trapezoid,
  type WanConfig,
  wanTransformer,
} from 'tubelet'
import { pictureGrid, type Runtime } from 'tubelet/node'
import { allRight, corners, drawPair, paint, rightPairs, side } from './shapes/pairs.ts'

const [batch, asked, shown] = [128, 256, 12] // pictures in a step, prompts to measure, pictures to keep
const length = 24 // tokens
const width = 64
const config: WanConfig = {
  ...{ width, depth: 3, heads: 2, ffnDim: 4 * width, textDim: width, freqDim: 128 },
  ...{ inChannels: 3 + nn.placeChannels, outChannels: 3, patchSize: [1, side / 2, side / 2] },
  ...{ crossAttnNorm: true, qkNorm: 'rms_norm_across_heads', eps: 1e-6, ropeMaxSeqLen: 16 },
}
const leastTime = 0.05 // for the velocity
const shift = 3 // of training times towards noise, where the text decides what will be seen
const scheduler = { _class_name: 'FlowMatchEulerDiscreteScheduler', num_train_timesteps: 1000 }
/** Share of long captions in training. */
const arms = { short: 0, mixed: 0.95, long: 1 } as const
type Arm = keyof typeof arms

export default {
  name: 'recaptioning',
  system: 'recaptioning',
  source: 'Betker et al. 2023, sections 3.3 to 3.5 and 4',
  claim: {
    en: 'A model trained on long captions alone draws short prompts worse; expanding them repairs it, and so do 5 % of short captions.',
    zh: '只用长描述训练的模型，遇到短提示词就画不好；把提示词扩写成长描述，或在训练中混入 5% 的短描述，都能补救。',
  },
  seeds: [1, 2],

  async measure(context) {
    const { seed, quick, signal, report } = context
    const wanted = Array.from({ length: asked }, (_, sample) => drawPair({ seed, purpose: 'asked', sample }))
    const expander = shapeExpander({ cells: corners })
    const prompts = {
      short: wanted.map((scene) => captionShapes(scene, 'en', 'short')),
      expanded: [] as string[],
      long: wanted.map((scene) => captionShapes(scene, 'en', 'long')),
    }
    for (const [i, prompt] of prompts.short.entries())
      prompts.expanded.push(await expander.expand(prompt, { seed: seed * asked + i }))

    const clean = new Float32Array(wanted.flatMap((scene) => [...paint(scene)]))
    const figures: Record<string, number> = { 'right pairs in real pictures': rightPairs(clean, wanted) }
    const series: Record<string, (readonly [number, number])[]> = {}
    const rows: Float32Array[] = []
    for (const arm of quick ? (['long'] as const) : (['short', 'mixed', 'long'] as const)) {
      report(`training on ${arm} captions`)
      const { weights, curve } = await teach(arm, context)
      series[`loss, ${arm}`] = [...curve]
      const draw = await artist(weights, context.runtime)
      for (const [kind, texts] of Object.entries(prompts)) {
        const pixels = await draw(texts, { seed, signal })
        figures[`trained on ${arm} captions, asked in ${kind}: right pairs`] = rightPairs(pixels, wanted)
        if (kind === 'long') figures[`trained on ${arm} captions: all right`] = allRight(pixels, wanted)
        rows.push(pixels.slice(0, shown * 3 * side * side))
      }
      await draw.release()
    }
    const page = new Float32Array(rows.flatMap((row) => [...row]))
    const options = { channels: 3, height: side, width: side, columns: shown, scale: 4 } as const
    return { figures, series, pictures: { pictures: await pictureGrid(page, options) } }
  },

  holds: (seeds, { quick }) =>
    seeds.every((figures) => {
      const right = (arm: Arm, kind: string) => figures[`trained on ${arm} captions, asked in ${kind}: right pairs`]
      const harmed = right('long', 'long') - right('long', 'short') > 0.3
      const repairs = (arm: Arm, kind: string) => right(arm, kind) > right('long', 'long') - 0.1
      const clean = figures['right pairs in real pictures'] === 1
      return clean && harmed && repairs('long', 'expanded') && (quick || repairs('mixed', 'short'))
    }),

  charts: [
    {
      name: 'loss',
      title: { en: 'Loss in training', zh: '训练损失' },
      x: { label: { en: 'step', zh: '步' } },
      y: { label: { en: 'loss', zh: '损失' }, log: true },
      lines: [
        { series: 'loss, short', label: { en: 'short captions', zh: '短描述' } },
        { series: 'loss, mixed', label: { en: '95 % long, 5 % short', zh: '95% 长，5% 短' } },
        { series: 'loss, long', label: { en: 'long captions', zh: '长描述' } },
      ],
    },
  ],
  pictures: [
    {
      name: 'pictures',
      title: {
        en: 'Three rows each for training on short, mixed and long captions: asked in short, expanded, in long',
        zh: '依次为短描述、混合、长描述训练的模型，各三行：短提示词、扩写后、长提示词',
      },
    },
  ],
} satisfies Reproduction

/** The words of the captions, the same for every seed. */
const words = tokenizer(trainTokenizer(captions(), { size: 512 }))

function* captions() {
  for (let sample = 0; sample < 500; sample++)
    for (const detail of ['short', 'long'] as const)
      yield captionShapes(drawPair({ seed: 0, purpose: 'words', sample }), 'en', detail)
}

/** Velocity of noisy pictures [B, 3, 1, S, S] at times [B], for texts as ids [B, L] and their mask [B, L]. */
function network(p: Params) {
  const embed = nn.embedding(p.at('text.embed'), words.size, width)
  const positions = p.get('text.positions', [length, width], nn.normal(0.02))
  const [norm1, norm2, last] = [1, 2, 3].map((i) => nn.layerNorm(p.at(`text.norm${i}`), width))
  const attend = nn.attention(p.at('text.attn'), { width, heads: config.heads })
  const feed = nn.mlp(p.at('text.ff'), { width, hidden: 4 * width })
  const predict = wanTransformer(p, config)
  return (x: Tensor, time: Tensor, ids: Tensor, mask: Tensor): Tensor => {
    const hidden = mul(sub(reshape(mask, [mask.shape[0], 1, 1, length]), 1), 1e9)
    let text = add(embed(transpose(ids)), reshape(positions, [length, 1, width])) // [L, B, D]
    text = add(text, attend(norm1(text), { mask: hidden }))
    text = last(add(text, feed(norm2(text))))
    // A quarter of a picture is one token of fewer numbers than pixels, which can tell the picture but not its noise; so
    // the network tells the picture, and the velocity follows from it (Li & He 2025, arXiv:2511.13720).
    const x0 = predict(nn.withPlaces(x), time, transpose(text, [1, 0, 2]), { mask })
    const t = reshape(maximum(div(time, 1000), leastTime), [x.shape[0], 1, 1, 1, 1])
    return div(sub(x, x0), t)
  }
}

/** Ids [B, L] and mask [B, L] of texts. */
function encoded(texts: readonly string[]) {
  const ids = new Int32Array(texts.length * length)
  for (const [b, text] of texts.entries()) ids.set(words.encode(text, length), b * length)
  return { ids, mask: Float32Array.from(ids, (id) => (id === words.pad ? 0 : 1)) }
}

/** Trains one arm; all arms see the same pictures, noise and times. */
function teach(arm: Arm, { seed, quick, learn }: ReproductionContext) {
  const steps = quick ? 750 : 2500
  const shape = [batch, 3, 1, side, side]
  return learn({
    name: `recaptioning, ${arm}`,
    seed,
    steps,
    samples: batch,
    build(p) {
      const predict = network(p)
      const text = [input('ids', [batch, length], 'int32'), input('mask', [batch, length])] as const
      const noise = { eps: input('eps', shape), t: input('t', [batch]) }
      return { loss: flowLoss((x, t) => predict(x, t, ...text), { x0: input('x0', shape), ...noise }) }
    },
    batch(step) {
      const scenes = Array.from({ length: batch }, (_, i) => drawPair({ seed, purpose: 'scene', step, sample: i }))
      const texts = scenes.map((scene, i) => {
        const [original, synthetic] = (['short', 'long'] as const).map((kind) => captionShapes(scene, 'en', kind))
        return relabel({ original, synthetic }, { share: arms[arm], seed, step, sample: i })
      })
      const x0 = new Float32Array(batch * 3 * side * side)
      for (const [b, scene] of scenes.entries()) x0.set(paint(scene), b * 3 * side * side)
      return {
        ...{ x0, ...encoded(texts) },
        eps: stream({ seed, purpose: 'noise', step }).normal(x0.length),
        t: logitNormalTimes(stream({ seed, purpose: 'time', step }).normal(batch), { shift }),
      }
    },
    lr: trapezoid({ peak: 3e-3, warmup: 30, total: steps }),
    optimizer: {
      ...{ beta2: 0.98, weightDecay: 0.01, clip: 1, ema: 0.99 },
      muon: (name, shape) => shape.length === 2 && /^(blocks\.|text\.(attn|ff)).*weight$/.test(name),
    },
  })
}

/** Draws a picture for each of `asked` texts: pixels [N, 3, S, S]. */
async function artist(weights: Record<string, Float32Array>, runtime: Runtime) {
  const shape = [asked, 3, 1, side, side]
  const [x, t, ids, mask] = [
    input('x', shape),
    input('t', [asked]),
    input('ids', [asked, length], 'int32'),
    input('mask', [asked, length]),
  ]
  const program = await runtime.load({ v: network(nn.params())(x, t, ids, mask) }, { constants: weights })
  const draw = async (texts: readonly string[], { seed, signal }: { seed: number; signal?: AbortSignal }) => {
    const told = encoded(texts)
    let drawn: Float32Array = stream({ seed, purpose: 'start' }).normal(asked * 3 * side * side)
    const steps = sample({
      scheduler: schedulerFromConfig(scheduler, 24),
      denoise: async (x, t) =>
        (await program.run({ x, t: new Float32Array(asked).fill(t), ...told })).v as Float32Array,
      x: drawn,
      signal,
    })
    for await (const { x } of steps) drawn = x
    return drawn
  }
  return Object.assign(draw, { release: () => program.release() })
}
