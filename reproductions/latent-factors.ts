/**
 * Diffusion on pixels and on the latents of autoencoders that make a picture 2, 4 and 8 times smaller along each side
 * (Rombach et al. 2022, section 4.1, figures 6 and 7): coloured shapes of 32 × 32 and one U-Net, whose runs take no more
 * multiply-adds than that on pixels, so that small latents get more steps (5000 at most, where so small graphs take longer
 * than their multiply-adds). What the autoencoder alone loses is a floor for the diffusion model on its latents.
 */
import {
  autoencoding,
  costOf,
  ddpmConfig,
  denoising,
  drawSamples,
  frechet,
  type GuidedDenoiserOptions,
  guidedDenoiser,
  input,
  type LabelledPictures,
  learnClassifier,
  params,
  type Reproduction,
  rowsOf,
  schedulerFromConfig,
  shapePictures,
  square,
  stream,
  train,
  type UNetConfig,
  unet,
  unetSizes,
  type VaeConfig,
  vae,
  vaeConfig,
  warmupCosine,
} from 'tubelet'
import { pictureGrid } from 'tubelet/node'

const side = 32
const batch = 32
const kinds = 36 // six shapes in six colours
const process = ddpmConfig.parse({
  beta_schedule: 'scaled_linear',
  beta_start: 0.00085,
  beta_end: 0.012,
  prediction_type: 'v_prediction',
  clip_sample: false,
})
/** Pixels have a range, to which the believed picture is clipped; latents have none. */
const schedulerOf = (factor: number) =>
  ({ ...process, _class_name: 'DDIMScheduler', clip_sample: factor === 1, timestep_spacing: 'trailing' }) as const

const labels = { shape: [], dtype: 'int32' } as const // what a sample is told

/** Factor by which sides shrink, and channels of the latents; 1 is pixels. */
const arms = [
  { factor: 1, channels: 3 },
  { factor: 2, channels: 3 },
  { factor: 4, channels: 4 },
  { factor: 8, channels: 16 },
]

type Context = Parameters<Reproduction['measure']>[0]

export default {
  name: 'latent-factors',
  system: 'latent diffusion',
  source: 'Rombach et al. 2022, section 4.1, figures 6 and 7',
  claim: {
    en: 'With no more compute, leaving out the training of the autoencoder, a U-Net on latents of a factor of 2 or 4 draws better than the same U-Net on pixels; what the autoencoder loses grows with the factor and is a floor.',
    zh: '在不超过像素模型的计算量下（不计自编码器的训练），同一个 U-Net 在 f2 或 f4 的潜空间上画得比在像素上好；自编码器的损失随下采样倍数增大，构成质量的下限。',
  },
  seeds: [1, 2],
  timed: true,

  async measure(context) {
    const { runtime, seed, quick, signal, report } = context
    const drawn = quick ? 96 : 512
    const chosen = quick ? arms.filter(({ factor }) => factor === 1 || factor === 4) : arms
    const shapes = shapePictures({ count: quick ? 2048 : 8192, size: side, seed })
    // Drawn anew, but there are few such pictures: most of these are in the training data too.
    const reference = shapePictures({ count: drawn, size: side, seed: seed + 1000 })
    report('training the classifier whose features are compared')
    const judge = await learnClassifier(shapes, { runtime, seed, steps: quick ? 100 : 600, signal })
    const real = await judge.features(reference.pixels)
    const figures: Record<string, number> = {}
    const series: Record<string, [number, number][]> = {}
    const rows: Float32Array[] = [reference.pixels.slice(0, 10 * 3 * side * side)]
    const budget = (quick ? 25 : 1000) * batch * macsOf({ factor: 1, channels: 3 })

    for (const arm of chosen) {
      const name = `f${arm.factor}`
      const coder = arm.factor === 1 ? undefined : await autoencoder(arm, shapes, context)
      if (coder) {
        const again = await coder.decode(await coder.encode(reference.pixels))
        figures[`${name}: Fréchet distance of reconstructions`] = frechet(await judge.features(again), real)
      }
      const latents = coder ? await coder.encode(shapes.pixels) : shapes.pixels
      const cells = side / arm.factor
      const set = { count: shapes.count, shape: [arm.channels, cells, cells] as const, pixels: latents }
      const steps = Math.min(quick ? 250 : 5000, Math.round(budget / (batch * macsOf(arm))))
      const stops = (quick ? [1] : [0.25, 1]).map((share) => Math.round(share * steps))
      report(`${name}: ${steps} steps`)
      const config = networkOf(arm.channels)
      const build: GuidedDenoiserOptions['build'] = (p) => {
        const predict = unet(p, config)
        return (x, t, { labels }) => predict(x, t, { labels })
      }
      const kindOf = (n: number) => 6 * shapes.labels.shape[n] + shapes.labels.colour[n]
      const run = train(
        {
          ...{ name, seed, steps },
          ...denoising(set, {
            ...{ batch, seed, config: process, build },
            told: { labels: { ...labels, of: (chosen) => chosen.map(kindOf) } },
          }),
          lr: warmupCosine({ peak: 1e-3, warmup: Math.min(100, steps >> 3), total: steps, floor: 0.1 }),
          optimizer: { weightDecay: 0, clip: 1, ema: 0.99 },
        },
        { runtime, signal },
      )
      series[name] = []
      series[`${name}, minutes`] = []
      const began = performance.now()
      let drawing = 0 // ms between the steps, which count for no arm
      for await (const event of run) {
        if (event.kind === 'ready' || !stops.includes(event.step)) continue
        const stopped = performance.now()
        const minutes = (stopped - began - drawing) / 60_000
        const weights = Object.fromEntries(
          Object.entries(event.state.weights(true)).map(([name, { data }]) => [name, data.slice()]),
        )
        const program = await guidedDenoiser(runtime, {
          ...{ build, weights, shape: [batch, ...set.shape], told: { labels }, guided: false },
        })
        const found = await drawSamples(program, {
          scheduler: schedulerFromConfig(schedulerOf(arm.factor), quick ? 10 : 40),
          ...{ seed, count: drawn, signal },
          told: (first) => ({ labels: Int32Array.from({ length: batch }, (_, b) => (first + b) % kinds) }),
        })
        await program.release()
        const pixels = coder ? await coder.decode(found) : found
        const far = frechet(await judge.features(pixels), real)
        series[name].push([(6 * event.step * batch * macsOf(arm)) / 1e12, far])
        series[`${name}, minutes`].push([minutes, far])
        drawing += performance.now() - stopped
        if (event.step !== steps) continue
        figures[`${name}: minutes of training`] = minutes
        figures[`${name}: Fréchet distance`] = far
        figures[`${name}: shape and colour as asked`] = await asAsked(judge, pixels)
        rows.push(pixels.slice(0, 10 * 3 * side * side))
      }
      await coder?.release()
    }
    await judge.release()
    const pixels = new Float32Array(rows.flatMap((row) => [...row]))
    const png = await pictureGrid(pixels, { channels: 3, height: side, width: side, columns: 10 })
    return { figures, series, pictures: { shapes: png } }
  },

  holds: (seeds, { quick }) =>
    seeds.every((figures) => {
      const far = (factor: number) => figures[`f${factor}: Fréchet distance`]
      const floor = (factor: number) => figures[`f${factor}: Fréchet distance of reconstructions`]
      if (quick) return far(4) < 0.9 * far(1) && floor(4) < far(4)
      const better = Math.max(far(2), far(4)) < 0.8 * far(1)
      return (
        better && floor(2) < floor(4) && floor(4) < floor(8) && [2, 4, 8].every((factor) => floor(factor) < far(factor))
      )
    }),

  charts: (['compute', 'time'] as const).map((name) => ({
    name,
    title: {
      en: `Fréchet distance over the ${name} of training`,
      zh: `Fréchet 距离与训练${name === 'time' ? '时间' : '计算量'}`,
    },
    x: { label: name === 'time' ? { en: 'minutes', zh: '分钟' } : { en: 'TFLOP', zh: 'TFLOP' }, log: true },
    y: { label: { en: 'Fréchet distance', zh: 'Fréchet 距离' }, log: true },
    lines: arms.map(({ factor }) => ({
      series: name === 'time' ? `f${factor}, minutes` : `f${factor}`,
      label: factor === 1 ? { en: 'pixels', zh: '像素' } : { en: `latents, f${factor}`, zh: `潜变量 f${factor}` },
    })),
  })),
  pictures: [
    {
      name: 'shapes',
      title: {
        en: 'Drawn by the data, then on pixels, f2, f4 and f8 (in a row each, from the same seed)',
        zh: '第一行为数据，其后依次为像素、f2、f4、f8（种子相同）',
      },
    },
  ],
} satisfies Reproduction

/** One size of U-Net for every kind of x; only the first and the last convolution differ. */
function networkOf(channels: number): UNetConfig {
  const [plain, attending] = [false, true].map((attention) => ({ attention, resample: 'conv' }) as const)
  const size = { channels, outChannels: channels, widths: [16, 32], depth: 1, timeWidth: 64 }
  const norms = { groups: 8, attentionGroups: 8, labels: { kind: 'table', classes: kinds } } as const
  return { ...unetSizes['CIFAR-10'], ...size, ...norms, down: [plain, attending], up: [attending, plain] }
}

/** Multiply-adds of the U-Net for one sample. */
function macsOf({ factor, channels }: (typeof arms)[number]): number {
  const x = input('x', [1, channels, side / factor, side / factor])
  const y = unet(params(), networkOf(channels))(x, input('t', [1]), { labels: input('labels', [1], 'int32') })
  return costOf([y]).flops / 2
}

/** Trains an autoencoder of a factor; latents are brought to deviation 1. */
async function autoencoder({ factor, channels }: (typeof arms)[number], set: LabelledPictures, context: Context) {
  const { runtime, seed, quick, learn, report } = context
  const levels = Math.log2(factor) + 1
  const types = (type: string) => new Array<string>(levels).fill(type)
  const config: VaeConfig = vaeConfig({
    ...{ _class_name: 'AutoencoderKL', latent_channels: channels, layers_per_block: 1, norm_num_groups: 8 },
    block_out_channels: [16, ...new Array<number>(levels - 1).fill(32)],
    ...{ down_block_types: types('DownEncoderBlock2D'), up_block_types: types('UpDecoderBlock2D') },
    mid_block_add_attention: false,
  })
  const steps = quick ? 400 : 1500
  report(`autoencoder f${factor}: ${steps} steps`)
  const shape = [batch, 3, side, side]
  const latent = [batch, channels, side / factor, side / factor]
  const pictures = (step: number) => {
    const random = stream({ seed, purpose: 'pictures to code', step })
    return rowsOf(
      set,
      Array.from({ length: batch }, () => random.integer(set.count)),
    )
  }
  const { weights } = await learn({
    ...{ name: 'autoencoder', seed, steps },
    // LDM's weight of the divergence; the squared error, as by the absolute one the pictures stayed blank.
    ...autoencoding({ config, size: side, batch, seed, klWeight: 1e-6, error: square, pictures }),
    lr: warmupCosine({ peak: 5e-3, warmup: steps >> 4, total: steps }),
    optimizer: { weightDecay: 0, clip: 1 },
  })
  const { encode, decode } = vae(params(), config)
  const [encoder, decoder] = [
    await runtime.load({ y: encode(input('x', shape)).mean }, { constants: weights }),
    await runtime.load({ y: decode(input('x', latent)) }, { constants: weights }),
  ]
  const all = async (program: typeof encoder, x: Float32Array) => {
    const size = program.inputs[0].shape.reduce((a, b) => a * b)
    const parts: Float32Array[] = []
    for (let at = 0; at < x.length; at += size)
      parts.push(((await program.run({ x: x.subarray(at, at + size) })).y as Float32Array).slice())
    const out = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0))
    for (const [k, part] of parts.entries()) out.set(part, k * part.length)
    return out
  }
  const some = await all(encoder, set.pixels.subarray(0, 512 * 3 * side * side))
  const deviation = Math.sqrt(some.reduce((sum, z) => sum + z * z, 0) / some.length)
  return {
    encode: async (x: Float32Array) => (await all(encoder, x)).map((z) => z / deviation),
    decode: (z: Float32Array) =>
      all(
        decoder,
        z.map((v) => v * deviation),
      ),
    async release() {
      await encoder.release()
      await decoder.release()
    },
  }
}

/** Share of the drawn pictures in which the classifier sees the shape and the colour of their label. */
async function asAsked(judge: Awaited<ReturnType<typeof learnClassifier>>, pixels: Float32Array): Promise<number> {
  const { shape, colour } = await judge.classify(pixels)
  return shape.filter((kind, n) => 6 * kind + colour[n] === n % kinds).length / shape.length
}
