/**
 * Text to moving emoji: a diffusion transformer in the layout of Wan on the latents of the project's autoencoder,
 * trained on clips and stills together. Builds on the autoencoder and text encoder of a model folder.
 * Data: `tubelet data build emoji --size 128 --frames 17`, or the shards that come with the project, at 64 × 64.
 */
import {
  type Attributes,
  add,
  flowLoss,
  input,
  knownWords,
  logitNormalTimes,
  mul,
  type RandomStream,
  type Recipe,
  type RecipeContext,
  stream,
  type Tensor,
  trapezoid,
  videoVaeConfig,
  type WanConfig,
  wanJson,
  wanTransformer,
} from 'tubelet'
import {
  alter,
  cacheFolder,
  drawAttributes,
  drawPrompt,
  encodeLatents,
  encodeWebp,
  type LatentCache,
  type LoadedClips,
  loadClips,
  modelFile,
  partFiles,
  readDataset,
  readPart,
  textCache,
  textEncoder,
  videoPipeline,
  weightsHash,
} from 'tubelet/node'

const clipsInBatch = 32
const stillsInBatch = 32
const variants = 4 // changed copies of each clip or still: recoloured, small, two of them, mirrored, backwards
const promptsEach = 8 // ways to ask for each
const dropout = 0.1 // of captions, so that the model also learns to draw without one
const shift = 2 // of times towards noise, in training and sampling
const examples = ['a beating heart', '跳动的红心', 'a blue bird', 'clock', 'two small red hearts', '小狗']

export default {
  name: 'emoji-video',
  summary: 'text to moving emoji with transparency, 17 frames',

  async prepare(context) {
    const { runtime, data = 'data/emoji-64', model = 'models/emoji-video', seed = 0, steps = 4000, report } = context
    const text = await textEncoder(model, runtime)
    const vae = await readPart(model, 'vae', 'VideoVae')
    const { config: vaeConfig, latents: statistics } = videoVaeConfig(vae.config)
    const sets = await Promise.all(
      (await kindsOf(data)).map((kind) => collect(data, kind, { ...context, vae, vaeConfig })),
    )
    const [clips, stills] = sets
    const prompts = sets.flatMap((set) => set.prompts.flat())
    const states = await textCache(['', ...prompts], {
      encoder: text,
      hash: await weightsHash(`${model}/text_encoder`),
      cacheDir: `${cacheFolder()}/text`,
      onProgress: every(report, 'prompts encoded'),
    })
    const [channels, frames, side] = clips.cache.shape
    const config: WanConfig = {
      width: 320,
      depth: 8,
      heads: 5,
      ffnDim: 1024,
      inChannels: channels,
      outChannels: channels,
      textDim: text.width,
      freqDim: 256,
      patchSize: [1, 2, 2],
      crossAttnNorm: true,
      qkNorm: 'rms_norm_across_heads',
      eps: 1e-6,
      ropeMaxSeqLen: 64,
    }
    const draw = (set: LatentSet, kind: string, count: number, step: number) =>
      latentBatch(set, { kind, count, step, seed, read: states.read, statistics, textSize: text.length * text.width })
    const index = { size: clips.size, frames: clips.frames, fps: clips.fps }
    const scheduler = { _class_name: 'FlowMatchEulerDiscreteScheduler', num_train_timesteps: 1000, shift }

    return {
      name: 'emoji-video',
      seed,
      steps,
      samples: clipsInBatch + (stills ? stillsInBatch : 0),
      settings: { data, model, config, clipsInBatch, stillsInBatch, variants, promptsEach, dropout, shift },
      build(p) {
        const predict = wanTransformer(p, config)
        const lossOf = (kind: string, count: number, length: number) => {
          const shape = [count, channels, length, side, side]
          const words = input(`${kind}.text`, [count, text.length, text.width])
          const inputs = {
            x0: input(`${kind}.x0`, shape),
            eps: input(`${kind}.eps`, shape),
            t: input(`${kind}.t`, [count]),
          }
          return flowLoss((x, t) => predict(x, t, words), inputs)
        }
        const moving = lossOf('clip', clipsInBatch, frames)
        if (!stills) return { loss: moving, moving }
        const still = lossOf('still', stillsInBatch, 1)
        return { loss: add(moving, mul(still, 0.25)), moving, still } as Record<string, Tensor> & { loss: Tensor }
      },
      batch: (step) => ({
        ...draw(clips, 'clip', clipsInBatch, step),
        ...(stills ? draw(stills, 'still', stillsInBatch, step) : {}),
      }),
      lr: trapezoid({ peak: 2e-3, warmup: Math.min(30, Math.floor(steps / 10)), total: steps, decay: 0.4 }),
      optimizer: {
        beta2: 0.98,
        weightDecay: 0.01,
        clip: 1,
        ema: 0.998,
        muon: (name, shape) => shape.length === 2 && /^blocks\..*weight$/.test(name),
      },
      async pictures(weights) {
        const transformer = {
          folder: 'the run',
          className: 'WanTransformer3DModel',
          config: wanJson(config),
          arrays: weights,
        }
        const pipeline = await videoPipeline({ index, transformer, vae, scheduler, text }, runtime)
        const files: Record<string, Uint8Array> = {}
        const recipes = examples.map((prompt) => ({ prompt, negativePrompt: '', seed: 0, steps: 25, guidance: 3 }))
        for await (const event of pipeline.generate(recipes))
          if (event.kind === 'clip')
            files[`${event.index}-${event.recipe.prompt.replaceAll(' ', '-')}.webp`] = await encodeWebp(event.clip)
        await pipeline.release()
        return files
      },
      publish: async (weights) => ({
        ...(await partFiles(model, ['vae', 'text_encoder', 'tokenizer'])),
        'transformer/config.json': JSON.stringify(wanJson(config), null, 1),
        'transformer/diffusion_pytorch_model.safetensors': modelFile(weights),
        'scheduler/scheduler_config.json': JSON.stringify(scheduler, null, 1),
        'model_index.json': JSON.stringify(modelIndex(index, prompts)),
      }),
      close: () => text.release(),
    }
  },
} satisfies Recipe

const kindsOf = async (data: string) => {
  const { shards } = await readDataset(data)
  return (['clip', 'still'] as const).filter((kind) => shards.some((shard) => shard.kind === kind))
}

/** Latents of all clips or stills and their changed copies, and the prompts that ask for each. */
interface LatentSet {
  readonly cache: LatentCache
  readonly originals: number
  readonly prompts: readonly (readonly string[])[]
  readonly size: number
  readonly frames: number
  readonly fps: number
}

interface Collection extends RecipeContext {
  readonly vae: Awaited<ReturnType<typeof readPart>>
  readonly vaeConfig: ReturnType<typeof videoVaeConfig>['config']
}

async function collect(
  data: string,
  kind: 'clip' | 'still',
  { runtime, model = 'models/emoji-video', report, vae, vaeConfig }: Collection,
): Promise<LatentSet> {
  const clips = await loadClips(data, { kind, split: 'train', styles: ['fluent'] })
  const attributes = (i: number): Attributes =>
    i < clips.count ? {} : drawAttributes(stream({ seed: 0, purpose: `variant ${kind}`, sample: i }), kind === 'clip')
  const source = {
    count: clips.count * (1 + variants),
    frames: clips.frames,
    size: clips.size,
    key: `${clips.key} ${variants}`,
    pixels: (i: number) =>
      alter({ frames: clips.frames, size: clips.size, bytes: clips.pixels(i % clips.count) }, attributes(i)),
  }
  const weights = Object.fromEntries(Object.entries(vae.arrays).map(([name, { data }]) => [name, data]))
  const hash = await weightsHash(`${model}/vae`)
  const cache = await encodeLatents(source, {
    runtime,
    config: vaeConfig,
    weights,
    hash,
    cacheDir: `${cacheFolder()}/latents`,
    onProgress: every(report, `${kind}s encoded`),
  })
  const prompts = Array.from({ length: source.count }, (_, i) =>
    waysToAsk(clips, i, { kind, attributes: attributes(i) }),
  )
  const fps = clips.samples.map((sample) => sample.fps).sort((a, b) => a - b)[clips.count >> 1]
  return { cache, originals: clips.count, prompts, size: clips.size, frames: clips.frames, fps }
}

function waysToAsk(
  clips: LoadedClips,
  i: number,
  { kind, attributes }: { kind: string; attributes: Attributes },
): string[] {
  const random = stream({ seed: 0, purpose: `prompts ${kind}`, sample: i })
  return Array.from({ length: promptsEach }, () =>
    drawPrompt({ meta: clips.samples[i % clips.count] }, random, attributes),
  )
}

interface LatentBatch {
  readonly kind: string
  readonly count: number
  readonly step: number
  readonly seed: number
  readonly read: (prompt: string, into: Float32Array) => void
  readonly statistics: { readonly mean: readonly number[]; readonly std: readonly number[] }
  readonly textSize: number
}

/** Normalised latents, noise, times and text states of one step; two of three samples are drawings as they are. */
function latentBatch(set: LatentSet, { kind, count, step, seed, read, statistics, textSize }: LatentBatch) {
  const size = set.cache.shape.reduce((a, b) => a * b)
  const plane = size / set.cache.shape[0]
  const x0 = new Float32Array(count * size)
  const words = new Float32Array(count * textSize)
  const named = (purpose: string) => stream({ seed, purpose: `${kind} ${purpose}`, step })
  const random = named('choice')
  for (let b = 0; b < count; b++) {
    const i = choose(set, random)
    const z = set.cache.latents(i)
    for (let j = 0; j < size; j++) {
      const c = Math.floor(j / plane)
      x0[b * size + j] = (z[j] - statistics.mean[c]) / statistics.std[c]
    }
    const prompt = set.prompts[i][random.integer(promptsEach)]
    read(random.uniform(1)[0] < dropout ? '' : prompt, words.subarray(b * textSize, (b + 1) * textSize))
  }
  return {
    [`${kind}.x0`]: x0,
    [`${kind}.eps`]: named('noise').normal(count * size),
    [`${kind}.t`]: logitNormalTimes(named('time').normal(count), { shift }),
    [`${kind}.text`]: words,
  }
}

const choose = ({ originals, cache }: LatentSet, random: RandomStream): number =>
  random.integer(3) > 0 ? random.integer(originals) : originals + random.integer(cache.count - originals)

/** Reports at every tenth part. */
const every = (report: (text: string) => void, what: string) => (done: number, count: number) => {
  if (done % Math.ceil(count / 10) === 0 || done === count) report(`${done} of ${count} ${what}`)
}

const modelIndex = (index: object, prompts: readonly string[]) => ({
  _class_name: 'TextToVideoPipeline',
  tokenizer: ['transformers', 'PreTrainedTokenizerFast'],
  text_encoder: ['transformers', 'CLIPModel'],
  transformer: ['diffusers', 'WanTransformer3DModel'],
  vae: ['tubelet', 'VideoVae'],
  scheduler: ['diffusers', 'FlowMatchEulerDiscreteScheduler'],
  ...index,
  known_words: knownWords(prompts),
})
