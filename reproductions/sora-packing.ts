/**
 * Clips and stills of any size and length in one packed row, for diffusion: each has the velocity and the loss that it has
 * alone, and almost every token is used, where buckets cut samples to their sizes and padding fills rows up (NaViT's packing,
 * Dehghani et al. 2023, for what Brooks et al. 2024 call native size, aspect and length). A text-to-video transformer on
 * the pixels of moving shapes, 1 to 4 frames of 8 to 16 pixels a side, told shape, colour and direction. All arms see as
 * many samples, the bucketed one as much of each as the largest bucket that it covers. The held-out loss is that of whole
 * samples in their own sizes.
 */
import {
  addAll,
  directions,
  drawMovingScene,
  filled,
  flowLoss,
  input,
  learn,
  logitNormalTimes,
  mul,
  nn,
  type Params,
  type Planes,
  pack,
  packedWanTransformer,
  packPatches,
  paintMovingScene,
  perSlot,
  perToken,
  type Reproduction,
  reshape,
  shapeColours,
  shapeKinds,
  stream,
  tokenWeights,
  type WanConfig,
  wanConfig,
  wanTransformer,
  warmupCosine,
} from 'tubelet'

const patch = [1, 2, 2] as const
const [channels, length, slots] = [3, 256, 16]
const [textLength, textDim] = [3, 16]
const grid = { frames: 4, height: 8, width: 8 } // the largest sample, in patches
const buckets = [1, 3].flatMap((frames) => [8, 12].map((side) => ({ frames, side })))
const perBucket = 4

const network = (quick: boolean): WanConfig =>
  wanConfig({
    num_attention_heads: 4,
    attention_head_dim: quick ? 16 : 32,
    num_layers: quick ? 2 : 6,
    ffn_dim: quick ? 128 : 512,
    in_channels: channels,
    out_channels: channels,
    text_dim: textDim,
    freq_dim: 64,
  })

export default {
  name: 'sora-packing',
  system: 'Sora',
  source: 'Dehghani et al. 2023, section 2.1; Brooks et al. 2024, "Variable durations, resolutions, aspect ratios"',
  claim: {
    en: 'Clips and stills of any size and length packed into rows have the loss that each has alone; nearly all tokens are used, which padding wastes and buckets cut away; training is faster than padded at an equal loss.',
    zh: '任意尺寸和长度的视频与图片打包成行后，损失与各自单独计算时相同；几乎所有 token 都被用到，而填充会浪费、分桶会裁掉；损失相同时训练比填充更快。',
  },
  seeds: [1, 2],

  async measure({ runtime, seed, quick, signal, report }) {
    const count = quick ? 1200 : 30_000
    const config = network(quick)
    const samples = Array.from({ length: count }, (_, i) => drawnSample(seed, 'train', i))
    const held = Array.from({ length: quick ? 64 : 256 }, (_, i) => drawnSample(seed, 'held out', i))
    const lengths = samples.map(({ tokens }) => tokens)
    const placed = pack(lengths, { length, most: slots })
    const alone = samples.map((_, i) => [i])
    const each = Math.round((4 * count) / placed.length) // samples of a batch
    const figures: Record<string, number> = {
      'tokens used, packed': filled(placed, lengths, length),
      'tokens used, padded': filled(alone, lengths, length),
      'part of the data that buckets keep':
        samples.reduce((sum, one) => sum + sizeOf(buckets[bucketOf(one)]), 0) / (4 * lengths.reduce((a, b) => a + b)),
    }
    const series: Record<string, readonly (readonly [number, number])[]> = {}
    const inBuckets = buckets.map((_, b) => [...samples.keys()].filter((i) => bucketOf(samples[i]) === b))
    const rowsOf = (rows: readonly (readonly number[])[], R: number) => ({
      steps: Math.floor(rows.length / R),
      build: (p: Params) => ({ loss: packedLoss(p, config, [R, length]) }),
      batch: (step: number) => packedArrays(rows.slice(step * R, (step + 1) * R), length, (i) => samples[i], seed),
    })
    const arms = {
      packed: rowsOf(placed, 4),
      padded: rowsOf(alone, each),
      bucketed: {
        steps: Math.floor(count / (perBucket * buckets.length)),
        build(p: Params) {
          const predict = wanTransformer(p, config)
          const losses = buckets.map(({ frames, side }, b) =>
            plainLoss(predict, `${b}`, [perBucket, frames, side, side]),
          )
          return { loss: mul(addAll(losses), 1 / buckets.length) }
        },
        batch: (step: number) =>
          Object.assign(
            {},
            ...buckets.map((bucket, b) => {
              const chosen = Array.from(
                { length: perBucket },
                (_, k) => inBuckets[b][(step * perBucket + k) % inBuckets[b].length],
              )
              const size = channels * sizeOf(bucket)
              return bucketArrays(
                `${b}`,
                chosen.map((i) => ({ ...samples[i], number: i, x0: cut(samples[i].planes, bucket) })),
                size,
                seed,
              )
            }),
          ),
      },
    }
    const heldRows = pack(
      held.map(({ tokens }) => tokens),
      { length, most: slots },
    )
    const heldArrays = packedArrays(heldRows, length, (i) => held[i], seed + 1000)
    for (const [name, { steps, build, batch }] of Object.entries(arms)) {
      report(name)
      const begin = performance.now()
      const { weights, curve } = await learn(
        {
          ...{ name: `sora-packing-${name}`, seed, steps, samples: each, build },
          batch: (step) => batch(step % steps),
          lr: warmupCosine({ peak: 2e-3, warmup: Math.ceil(steps / 10), total: steps }),
          optimizer: { weightDecay: 0.01, clip: 1 },
        },
        { runtime, signal },
      )
      if (!quick) figures[`clips/s, ${name}`] = (1000 * count) / (performance.now() - begin)
      series[name] = curve
      const evaluation = await runtime.load(
        { loss: packedLoss(nn.params(), config, [heldRows.length, length]) },
        { constants: weights },
      )
      figures[`loss on held-out samples, ${name}`] = (await evaluation.run(heldArrays)).loss[0]
      await evaluation.release()
      if (name !== 'packed') continue
      // The same samples, each by the network that knows nothing of rows.
      const predict = wanTransformer(nn.params(), config)
      let sum = 0
      for (const i of held.keys()) {
        const { planes } = held[i]
        const program = await runtime.load(
          { loss: plainLoss(predict, 'one', [1, planes.frames, planes.height, planes.width]) },
          { constants: weights },
        )
        const one = { ...held[i], number: i, x0: planes.pixels }
        sum += (await program.run(bucketArrays('one', [one], planes.pixels.length, seed + 1000))).loss[0]
        await program.release()
      }
      figures['difference of the held-out loss, packed or alone'] = Math.abs(
        sum / held.length - figures['loss on held-out samples, packed'],
      )
    }
    return { figures, series }
  },

  holds: (seeds, { quick }) =>
    seeds.every(
      (figures) =>
        figures['tokens used, packed'] > 0.95 &&
        figures['tokens used, padded'] < 0.5 &&
        figures['part of the data that buckets keep'] < 0.8 &&
        figures['difference of the held-out loss, packed or alone'] < 1e-4 &&
        figures['loss on held-out samples, packed'] < (quick ? 0.2 : 0.1) &&
        figures['loss on held-out samples, packed'] < 1.1 * figures['loss on held-out samples, padded'] &&
        figures['loss on held-out samples, packed'] < figures['loss on held-out samples, bucketed'] &&
        (quick || figures['clips/s, packed'] > 1.5 * figures['clips/s, padded']),
    ),

  charts: [
    {
      name: 'loss',
      title: { en: 'Training loss by step', zh: '训练损失' },
      x: { label: { en: 'step', zh: '步' } },
      y: { label: { en: 'loss', zh: '损失' } },
      lines: [
        { series: 'packed', label: { en: 'packed', zh: '打包' } },
        { series: 'padded', label: { en: 'padded', zh: '填充' } },
        { series: 'bucketed', label: { en: 'bucketed', zh: '分桶' } },
      ],
    },
  ],
} satisfies Reproduction

interface Sample {
  readonly planes: Planes & { readonly frames: number }
  readonly text: Float32Array // [3, 16]: shape, colour and direction, each one of sixteen
  readonly tokens: number
}

/** Sample i of a set: a still or a clip of 2 to 4 frames whose height and width are 8, 12 or 16 pixels. */
function drawnSample(seed: number, set: string, i: number): Sample {
  const random = stream({ seed, purpose: `sizes ${set}`, sample: i })
  const [frames, height, width] = [1 + random.integer(4), 8 + 4 * random.integer(3), 8 + 4 * random.integer(3)]
  const scene = drawMovingScene(stream({ seed, purpose: `scene ${set}`, sample: i }), { events: 1 })
  const side = Math.max(height, width)
  const rgba = paintMovingScene(scene, { frames, size: side })
  const pixels = new Float32Array(channels * frames * height * width)
  let to = 0
  for (let c = 0; c < channels; c++)
    for (let t = 0; t < frames; t++)
      for (let y = 0; y < height; y++)
        for (let x = 0; x < width; x++) {
          const from = ((t * side + y) * side + x) * 4
          pixels[to++] = (rgba[from + c] * rgba[from + 3]) / 255 / 127.5 - 1
        }
  const text = new Float32Array(textLength * textDim)
  text[Object.keys(shapeKinds).indexOf(scene.shape)] = 1
  text[textDim + 6 + Object.keys(shapeColours).indexOf(scene.colour)] = 1
  text[2 * textDim + 12 + Object.keys(directions).indexOf(scene.events[0].direction)] = 1
  return { planes: { pixels, frames, height, width }, text, tokens: (frames * height * width) / 4 }
}

/** The front left part of a sample, of a bucket's size: [C, T, S, S]. */
function cut({ pixels, frames: T, height, width }: Sample['planes'], { frames, side }: (typeof buckets)[number]) {
  const out = new Float32Array(channels * frames * side * side)
  let to = 0
  for (let c = 0; c < channels; c++)
    for (let t = 0; t < frames; t++)
      for (let y = 0; y < side; y++, to += side) {
        const from = ((c * T + t) * height + y) * width
        out.set(pixels.subarray(from, from + side), to)
      }
  return out
}

/** The largest bucket that a sample covers. */
const bucketOf = ({ planes: { frames, height, width } }: Sample): number =>
  buckets.findLastIndex((one) => one.frames <= frames && one.side <= Math.min(height, width))

/** Loss and velocities of packed rows: R rows of N tokens. */
function packedLoss(p: Params, config: WanConfig, [R, N]: readonly [number, number]) {
  const predict = packedWanTransformer(p, config, grid)
  const place = (name: string) => input(name, [R, N], 'int32')
  const told = {
    ...{ sample: place('sample'), frames: place('frames'), rows: place('rows'), columns: place('columns') },
    ...{ t: mul(input('t', [R, slots]), 1000), text: input('text', [R, slots, textLength, textDim]) },
  }
  const patches = (name: string) => input(name, [R * N, channels, ...patch])
  const [x0, eps, t] = [patches('x0'), patches('eps'), input('times', [R * N])]
  const weight = reshape(input('weight', [R * N]), [R * N, 1, 1, 1, 1])
  return flowLoss((xt) => predict(xt, told), { x0, eps, t, weight })
}

/** The arrays of rows; noise and times belong to a sample, wherever it lies. */
function packedArrays(
  groups: readonly (readonly number[])[],
  N: number,
  sampleOf: (i: number) => Sample,
  seed: number,
) {
  const numbers = groups.flat()
  const samples = numbers.map(sampleOf)
  let next = 0
  const placed = groups.map((group) => group.map(() => next++))
  const options = { patch, channels, length: N, placed }
  const rows = packPatches(
    samples.map(({ planes }) => planes),
    options,
  )
  const noise = samples.map(({ planes }, k) => ({ ...planes, pixels: noiseOf(seed, numbers[k], planes.pixels.length) }))
  const times = numbers.map((i) => timeOf(seed, i))
  return {
    x0: rows.patches,
    eps: packPatches(noise, options).patches,
    ...{ sample: rows.sample, frames: rows.frames, rows: rows.rows, columns: rows.columns },
    t: perSlot(rows, { slots, size: 1 }, (k, into) => into.fill(times[k])),
    text: perSlot(rows, { slots, size: textLength * textDim }, (k, into) => into.set(samples[k].text)),
    times: perToken(rows, (k) => times[k]),
    weight: tokenWeights(rows),
  }
}

const noiseOf = (seed: number, i: number, count: number) => stream({ seed, purpose: 'noise', sample: i }).normal(count)
const timeOf = (seed: number, i: number) =>
  logitNormalTimes(stream({ seed, purpose: 'time', sample: i }).normal(1), { shift: 2 })[0]

/** Loss of samples alone, all of one size. */
function plainLoss(predict: ReturnType<typeof wanTransformer>, name: string, [n, ...size]: readonly number[]) {
  const [x0, eps, t] = [
    input(`${name} x0`, [n, channels, ...size]),
    input(`${name} eps`, [n, channels, ...size]),
    input(`${name} t`, [n]),
  ]
  const text = input(`${name} text`, [n, textLength, textDim])
  return flowLoss((xt, time) => predict(xt, time, text), { x0, eps, t })
}

/** The arrays of `plainLoss`: samples of one size, of so many numbers. */
function bucketArrays(
  name: string,
  chosen: readonly (Pick<Sample, 'text'> & { readonly number: number; readonly x0: Float32Array })[],
  size: number,
  seed: number,
) {
  const joined = (count: number, of: (one: (typeof chosen)[number]) => Float32Array) => {
    const out = new Float32Array(chosen.length * count)
    for (const [k, one] of chosen.entries()) out.set(of(one), k * count)
    return out
  }
  return {
    [`${name} x0`]: joined(size, ({ x0 }) => x0),
    [`${name} eps`]: joined(size, ({ number }) => noiseOf(seed, number, size)),
    [`${name} t`]: Float32Array.from(chosen, ({ number }) => timeOf(seed, number)),
    [`${name} text`]: joined(textLength * textDim, ({ text }) => text),
  }
}

const sizeOf = ({ frames, side }: (typeof buckets)[number]): number => frames * side * side
