/**
 * Figure 5-3 of the article for real: networks that are equal on emoji in Fluent's 3d style, on the same emoji in ever more
 * abstract styles. Four arms share encoder, drawings, steps and batches: a classifier of ResNet's and CLIP around the same
 * ResNet, each with drawings of one style and of three. So it is seen what the words do, and what the data do (Fang et al.
 * 2022, arXiv:2205.01397). CLIP also tells emoji that no arm ever saw, by their names.
 */
import { join } from 'node:path'
import {
  clipAround,
  clipLogits,
  clipLoss,
  crossEntropy,
  type ImageEncoderConfig,
  imageClassifier,
  imageEncoder,
  input,
  maxLogScale,
  nn,
  type Reproduction,
  type ReproductionContext,
  stream,
  type Tokenizer,
  tokenizer,
  trainTokenizer,
  warmupCosine,
  zeroShotClasses,
} from 'tubelet'
import {
  buildEmoji,
  byConcept,
  cacheFolder,
  type Drawing,
  drawings,
  drawPrompt,
  lookAt,
  readDataset,
} from 'tubelet/node'

const side = 32
const context = 20
const width = 128
const clean = '3d' // the style that all arms are matched on
const several = ['3d', 'flat', 'twemoji'] as const // of the arms with more data
const unseen = ['noto', 'openmoji', 'openmoji-black'] as const // that no arm is trained on
type Style = (typeof several)[number] | (typeof unseen)[number]
const styles: readonly Style[] = [...several, ...unseen] // from modelled and shaded to bare lines

interface Arm {
  readonly name: string
  readonly kind: 'classifier' | 'CLIP'
  readonly styles: readonly Style[]
}

const arms: readonly Arm[] = [
  { name: 'classifier, one style', kind: 'classifier', styles: [clean] },
  { name: 'CLIP, one style', kind: 'CLIP', styles: [clean] },
  { name: 'classifier, three styles', kind: 'classifier', styles: several },
  { name: 'CLIP, three styles', kind: 'CLIP', styles: several },
]

const encoder = (classes: number): ImageEncoderConfig => ({
  resnet: {
    ...{ channels: 3, stemWidth: 32, widths: [32, 64, 128], depths: [2, 2, 2], block: 'basic', activation: 'relu' },
    ...{ strideInFirstStage: false, strideInBottleneck: false, classes },
  },
})

const text = {
  width,
  depth: 2,
  heads: 4,
  hidden: 4 * width,
  activation: 'quick_gelu',
  qkvBias: true,
  eps: 1e-5,
} as const
const templates = ['{}', 'a {}', 'a picture of {}', 'an emoji of {}']

export default {
  name: 'clip-style-shift',
  system: 'CLIP',
  source: 'Radford et al. 2021, section 3.3 and figure 13; Fang et al. 2022, arXiv:2205.01397',
  claim: {
    en: 'Equal on one drawing style, networks trained on several styles keep more on styles that none has seen than those trained on one: the variety of the data carries over. CLIP alone also tells classes it never saw.',
    zh: '在一种画风上准确率相同的网络，换到谁都没见过的画风时，用多种画风训练的掉得更少：起作用的是数据的多样性。只有 CLIP 还能凭文字认出没见过的类别。',
  },
  seeds: [1, 2],

  async measure(run) {
    const { quick, report } = run
    const shown = quick ? ([clean, 'flat', 'twemoji', 'noto'] as const) : styles
    const data = await readStyles(shown, run)
    const known = data.train.slice(0, quick ? 64 : 400)
    const [steps, batch] = quick ? [150, 64] : [1000, 128]
    const words = tokenizer(trainTokenizer(texts(known, run.seed), { size: 2048 }))
    const figures: Record<string, number> = { concepts: known.length, 'concepts never seen': data.heldOut.length }
    const series: Record<string, [number, number][]> = {}
    for (const arm of arms) {
      report(`${arm.name}: ${steps} steps`)
      const trained = await trainArm(arm, { known, words, steps, batch, run })
      for (const [i, style] of shown.entries()) {
        const accuracy = await accuracyOf(trained, { concepts: known, style, run })
        figures[`accuracy on ${style}: ${arm.name}`] = accuracy
        series[arm.name] = [...(series[arm.name] ?? []), [i + 1, accuracy]]
      }
      if (arm.kind === 'CLIP')
        figures[`never seen, by name: ${arm.name}`] = await accuracyOf(trained, {
          concepts: data.heldOut,
          style: clean,
          run,
        })
    }
    // Arms are matched on the clean style, so what one has above the first on styles that none has seen is robustness.
    const base = arms[0].name
    for (const { name } of arms.slice(1)) {
      const gains = shown
        .filter((style) => (unseen as readonly string[]).includes(style))
        .map((style) => figures[`accuracy on ${style}: ${name}`] - figures[`accuracy on ${style}: ${base}`])
      figures[`effective robustness: ${name}`] = gains.reduce((a, b) => a + b) / gains.length
    }
    figures['chance, never seen'] = 1 / data.heldOut.length
    return { figures, series }
  },

  holds: (seeds, { quick }) =>
    seeds.every((figures) => {
      const cleans = arms.map(({ name }) => figures[`accuracy on ${clean}: ${name}`])
      const gain = (name: string) => figures[`effective robustness: ${name}`]
      return (
        Math.min(...cleans) > 0.8 &&
        Math.max(...cleans) - Math.min(...cleans) < 0.1 && // matched
        gain('CLIP, three styles') > gain('CLIP, one style') + 0.03 &&
        gain('classifier, three styles') > 0.03 &&
        (quick || figures['never seen, by name: CLIP, three styles'] > 3 * figures['chance, never seen'])
      )
    }),

  charts: [
    {
      name: 'styles',
      title: { en: 'Accuracy over ever more abstract styles', zh: '画风越来越抽象时的准确率' },
      x: {
        label: {
          en: 'style: 3d, flat, Twemoji, Noto, OpenMoji, OpenMoji in black',
          zh: '画风：3d、扁平、Twemoji、Noto、OpenMoji、OpenMoji 黑白',
        },
      },
      y: { label: { en: 'accuracy', zh: '准确率' } },
      lines: arms.map(({ name, kind, styles }) => ({
        series: name,
        label: { en: name, zh: `${kind === 'CLIP' ? 'CLIP' : '分类器'}，${styles.length === 1 ? '一' : '三'}种画风` },
      })),
    },
  ],
} satisfies Reproduction

/** A concept in all styles. */
type Concept = Readonly<Record<string, Drawing>>

/** Builds each style once, in the user's cache folder, and reads the concepts that all of them have. */
async function readStyles(wanted: readonly Style[], { report, signal }: ReproductionContext) {
  const folders: string[] = []
  for (const style of wanted) {
    const out = join(cacheFolder(), 'styles-64', style)
    folders.push(out)
    if (await readDataset(out).catch(() => undefined)) continue
    report(`the ${style} style: its package is fetched once, and its drawings are built`)
    for await (const _ of buildEmoji({ out, size: 64, styles: [style], kinds: ['still'], signal }));
  }
  const read = async (split: 'train' | 'held-out'): Promise<Concept[]> =>
    byConcept(await drawings(folders, { size: side, split }))
      .map((list) => Object.fromEntries(list.map((drawing) => [drawing.meta.style, drawing])))
      .filter((concept) => wanted.every((style) => Object.hasOwn(concept, style)))
  const train = await read('train')
  const order = stream({ seed: 0, purpose: 'concepts' }).permutation(train.length)
  return { train: Array.from(order, (i) => train[i]), heldOut: await read('held-out') }
}

/** What the tokenizer learns from. */
function* texts(concepts: readonly Concept[], seed: number) {
  for (const [sample, concept] of concepts.entries()) {
    const random = stream({ seed, purpose: 'tokenizer', sample })
    for (let k = 0; k < 8; k++) yield drawPrompt(concept[clean], random)
  }
}

/** A drawing as all arms see it: planes [3, S, S]. */
const look = (drawing: Drawing, random: ReturnType<typeof stream>, out: Float32Array) =>
  lookAt(drawing.pixels(), { side, random }, out)

interface Training {
  readonly known: readonly Concept[]
  readonly words: Tokenizer
  readonly steps: number
  readonly batch: number
  readonly run: ReproductionContext
}

interface Trained {
  readonly arm: Arm
  readonly weights: Readonly<Record<string, Float32Array>>
  readonly words: Tokenizer
  readonly classes: number // of the classifier
}

const joint = (words: Tokenizer) => ({
  text: { ...text, vocabulary: words.size, context, endOfText: words.end },
  projection: width,
})

async function trainArm(arm: Arm, { known, words, steps, batch, run }: Training): Promise<Trained> {
  const { seed, learn } = run
  const classes = known.length
  const { weights } = await learn({
    name: 'clip-style-shift',
    seed,
    steps,
    samples: batch,
    build(p, training) {
      const pixels = input('pixels', [batch, 3, side, side])
      if (arm.kind === 'classifier') {
        const logits = imageClassifier(p, encoder(classes), { training })(pixels)
        return { loss: crossEntropy(logits, input('labels', [batch], 'int32')) }
      }
      const clip = clipAround(p, imageEncoder(p.at('vision_model'), encoder(classes), { training }), joint(words))
      const ids = input('ids', [batch, context], 'int32')
      return { loss: clipLoss(clip.image(pixels).embedding, clip.text(ids).embedding, clip.scale()) }
    },
    batch(step) {
      const order = stream({ seed, purpose: 'order', step }).permutation(known.length)
      const labels = order.slice(0, batch)
      const pixels = new Float32Array(batch * 3 * side * side)
      const ids = new Int32Array(batch * context)
      labels.forEach((n, b) => {
        const random = stream({ seed, purpose: 'look', step, sample: b })
        const style = arm.styles[random.integer(arm.styles.length)]
        look(known[n][style], random, pixels.subarray(b * 3 * side * side, (b + 1) * 3 * side * side))
        ids.set(words.encode(drawPrompt(known[n][style], random), context), b * context)
      })
      return { pixels, ids, labels: Int32Array.from(labels) }
    },
    lr: warmupCosine({ peak: 1e-3, warmup: Math.floor(steps / 10), total: steps }),
    optimizer: { beta2: 0.98, weightDecay: 0.1, clip: 1, ema: 0.98 },
    after: (weights) => weights.logit_scale?.fill(Math.min(maxLogScale, weights.logit_scale[0])),
  })
  return { arm, weights, words, classes }
}

/** How often a new look of each concept is told among all of them: by the classifier's head, or by their names. */
async function accuracyOf(
  { arm, weights, words, classes }: Trained,
  { concepts, style, run }: { concepts: readonly Concept[]; style: Style; run: ReproductionContext },
): Promise<number> {
  const { runtime, seed } = run
  const C = concepts.length
  const p = nn.params()
  const pixels = input('pixels', [1, 3, side, side])
  const feeds: Record<string, Float32Array> = {}
  let logits = arm.kind === 'classifier' ? imageClassifier(p, encoder(classes))(pixels) : undefined
  if (!logits) {
    const clip = clipAround(p, imageEncoder(p.at('vision_model'), encoder(classes)), joint(words))
    const reading = await runtime.load(
      { y: clip.text(input('ids', [1, context], 'int32')).embedding },
      { constants: weights },
    )
    const ofText = async (name: string) =>
      Float32Array.from((await reading.run({ ids: words.encode(name, context) })).y as Float32Array)
    const rows = await zeroShotClasses(
      concepts.map((concept) => concept[clean].meta.en.label),
      { templates, ofText },
    )
    await reading.release()
    feeds.texts = Float32Array.from(rows.flatMap((row) => [...row]))
    feeds.one = Float32Array.of(1)
    logits = clipLogits(clip.image(pixels).embedding, input('texts', [C, width]), input('one', []))
  }
  const program = await runtime.load({ logits }, { constants: weights })
  let right = 0
  const picture = new Float32Array(3 * side * side)
  for (const [n, concept] of concepts.entries()) {
    look(concept[style], stream({ seed, purpose: 'test look', sample: n }), picture)
    const row = (await program.run({ ...feeds, pixels: picture })).logits as Float32Array
    if (row.indexOf(Math.max(...row)) === n) right += 1
  }
  await program.release()
  return right / C
}
