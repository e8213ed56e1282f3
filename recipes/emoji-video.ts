/**
 * Text to moving emoji: a diffusion transformer in the layout of Wan on the latents of the project's autoencoder,
 * trained on clips and stills together. Builds on the autoencoder and text encoder of a model folder.
 *
 * Frames of one clip are alike, so most of a step goes into pieces of many clips: three of the latent frames, each at
 * its own place in time. A few whole clips show how all frames go together. A still is learnt as a picture and, held
 * still, as a clip: what is known from pictures alone can then be drawn as a clip.
 * Data: `tubelet data build emoji --size 128 --frames 17`, or the shards that come with the project, at 64 × 64.
 */
import {
  add,
  constant,
  flowLoss,
  input,
  mul,
  nn,
  type Recipe,
  stream,
  type Tensor,
  trapezoid,
  type WanConfig,
  wanJson,
  wanTransformer,
} from 'tubelet'
import {
  cacheFolder,
  dataOf,
  encodeWebp,
  type LatentSet,
  latentBatch,
  latentSet,
  modelFile,
  partFiles,
  readDataset,
  readPart,
  shipped,
  textCache,
  textEncoder,
  videoPipeline,
  weightsHash,
} from 'tubelet/node'
import { copies, hold, ways } from './parts/emoji-latents.ts'
import { every } from './parts/every.ts'
import { wordsKnown } from './parts/words-known.ts'

const inBatch = { whole: 4, piece: 26, still: 4, held: 4 } // two batches a step, at the same time
const pieceFrames = 3
const changed = { clip: 0.2, still: 0.5 } // part of the samples
const dropout = 0.1 // of captions, so that the model also learns to draw without one
const shift = 5 // of times towards noise, where prompts decide what will be seen (docs/decisions/008)
const sampledShift = 8 // five of 8 times above t = 0.85, the last at 0.06 (docs/decisions/013)
const given = 0.25 // of the clips, some of whose frames are known, so that a picture or a clip can be a prompt
const lossWeight = { still: 0.1, held: 0.4 } // beside that of clips
const className = 'WanTransformer3DModel'
const examples = ['a beating heart', '跳动的红心', 'a blue bird', 'clock', 'two small red hearts', '小狗']

export default {
  name: 'emoji-video',
  summary: 'text to moving emoji with transparency, 17 frames',
  data: { size: 64, frames: 17 },

  async prepare(context) {
    const {
      runtime,
      data = shipped('data/emoji-64'),
      model = shipped('models/emoji-video'),
      from,
      seed = 0,
      steps = 4000,
      report,
    } = context
    const text = await textEncoder(model, runtime)
    const { shards } = await readDataset(data)
    const sets: LatentSet[] = []
    for (const kind of ['clip', 'still'] as const)
      if (shards.some((shard) => shard.kind === kind)) {
        const onProgress = every(report, `${kind}s encoded`)
        const held = kind === 'still' && sets.length > 0 ? { hold } : {} // stills alone make pictures
        sets.push(await latentSet(data, { kind, model, runtime, variants: copies[kind], ...held, ...ways, onProgress }))
      }
    const [clips, stills] = sets
    const known = await wordsKnown(
      sets.flatMap(({ words }) => words),
      from,
    )
    const prompts = sets.flatMap((set) => set.prompts.flat())
    const states = await textCache(['', ...prompts], {
      encoder: text,
      hash: await weightsHash(`${model}/text_encoder`),
      cacheDir: `${cacheFolder()}/text`,
      onProgress: every(report, 'prompts encoded'),
    })
    const peak = from === undefined ? 1.5e-3 : 8e-4 // what was learnt is lost at the higher one (docs/decisions/012)
    const [channels, frames, side] = clips.latents.shape
    const config: WanConfig = {
      width: 320,
      depth: 8,
      heads: 5,
      ffnDim: 1024,
      inChannels: channels + nn.placeChannels,
      outChannels: channels,
      textDim: text.width,
      freqDim: 256,
      patchSize: [1, 2, 2],
      crossAttnNorm: true,
      qkNorm: 'rms_norm_across_heads',
      eps: 1e-6,
      ropeMaxSeqLen: 64,
    }
    const parts: Part[] = [
      { name: 'whole', moves: true, set: clips, length: frames },
      ...(frames > pieceFrames ? [{ name: 'piece', moves: true, set: clips, length: pieceFrames } as const] : []),
      ...(stills ? [{ name: 'still', moves: false, set: stills, length: 1 } as const] : []),
      ...(stills ? [{ name: 'held', moves: false, set: stills, length: frames } as const] : []),
    ]
    const framesOf = ({ name, length }: Part) => inBatch[name] * length
    const moving = parts.filter(({ moves }) => moves).reduce((sum, part) => sum + framesOf(part), 0)
    const perFrame = (side / 2) ** 2 // tokens
    const index = { size: clips.size, frames: clips.frames, fps: clips.fps || undefined } // stills have none
    const scheduler = { _class_name: 'FlowMatchEulerDiscreteScheduler', num_train_timesteps: 1000, shift: sampledShift }

    return {
      name: 'emoji-video',
      seed,
      steps,
      samples: parts.reduce((sum, { name }) => sum + inBatch[name], 0),
      settings: {
        data,
        model,
        from,
        config,
        inBatch,
        pieceFrames,
        copies,
        changed,
        hold,
        lossWeight,
        ways,
        dropout,
        shift,
        given,
        peak,
      },
      weights: from === undefined ? undefined : dataOf((await readPart(from, 'transformer', className)).arrays),
      build(p) {
        const weight = constant(importance(clips.statistics), [channels, 1, 1, 1])
        const predict = wanTransformer(p, config)
        const lossOf = ({ name, moves, length }: Part) => {
          const count = inBatch[name]
          const shape = [count, channels, length, side, side]
          const words = input(`${name}.text`, [count, text.length, text.width])
          const x0 = input(`${name}.x0`, shape)
          const t = input(`${name}.t`, moves ? [count, length] : [count])
          const motion = moves ? input(`${name}.motion`, [count]) : undefined
          const of = { x0, eps: input(`${name}.eps`, shape), t, weight, motion }
          if (name !== 'piece') return flowLoss((x, t) => predict(nn.withPlaces(x), t, words), of)
          const planes = input('piece.planes', [nn.placeChannels, length, side, side])
          const within = { frames, places: input('piece.places', [length * perFrame], 'int32') }
          return flowLoss((x, t) => predict(nn.withPlaces(x, planes), t, words, { within }), of)
        }
        const losses = Object.fromEntries(parts.map((part) => [part.name, lossOf(part)]))
        const weighted = parts.map((part) =>
          mul(losses[part.name], part.moves ? framesOf(part) / moving : lossWeight[part.name]),
        )
        return { loss: weighted.reduce(add), ...losses } as Record<string, Tensor> & { loss: Tensor }
      },
      batch: (step) =>
        Object.assign(
          {},
          ...parts.map((part) => {
            const places = placesOf(part, { frames, seed, step })
            const { name, moves, set } = part
            const chosen = name === 'held' ? places.map((place) => Math.min(place, 1)) : places
            const times = { shift, given: moves ? given : undefined }
            const drawn = { name, count: inBatch[name], frames: chosen, changed: changed[moves ? 'clip' : 'still'] }
            const words = { size: text.length * text.width, read: states.read }
            return {
              ...latentBatch(set, { ...drawn, dropout, ...times, seed, step, text: words }),
              ...(name === 'piece' && {
                'piece.places': tokensIn(places, perFrame),
                'piece.planes': nn.placePlanes({ frames, height: side, width: side }, places),
              }),
            }
          }),
        ),
      accumulate: 2,
      workers: 2,
      lr: trapezoid({ peak, warmup: Math.min(30, Math.floor(steps / 10)), total: steps, decay: 0.95 }),
      optimizer: {
        beta2: 0.98,
        weightDecay: 0.01,
        clip: 1,
        ema: 0.998,
        muon: (name, shape) => shape.length === 2 && /^blocks\..*weight$/.test(name),
      },
      async pictures(weights) {
        const transformer = { folder: 'the run', className, config: wanJson(config), arrays: weights }
        const vae = await readPart(model, 'vae', 'VideoVae')
        const pipeline = await videoPipeline({ index, transformer, vae, scheduler, text }, runtime)
        const files: Record<string, Uint8Array> = {}
        const recipes = examples.map((prompt) => ({ prompt, negativePrompt: '', seed: 0, steps: 8, guidance: 2 }))
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
        'model_index.json': JSON.stringify({ ...modelIndex, ...index, known_words: known }),
      }),
      close() {
        states.close()
        return text.release()
      },
    }
  },
} satisfies Recipe

/**
 * What the error of each normalised channel counts, 1 in the mean: its variance before. The decoder is nearly an
 * isometry, so what a channel does to the pixels grows with its deviation.
 */
function importance({ std }: LatentSet['statistics']): Float32Array {
  const squares = Float32Array.from(std, (deviation) => deviation ** 2)
  const mean = squares.reduce((a, b) => a + b) / squares.length
  return squares.map((variance) => variance / mean)
}

/** One kind of samples in each batch. */
type Part = {
  readonly set: LatentSet
  readonly length: number // latent frames of a sample
} & (
  | { readonly moves: true; readonly name: 'whole' | 'piece' } // of clips; each frame counts as much
  | { readonly moves: false; readonly name: keyof typeof lossWeight }
)

/** Places of the latent frames of a sample: all there are, or for a piece some of them. */
function placesOf({ name, length }: Part, { frames, seed, step }: { frames: number; seed: number; step: number }) {
  if (name !== 'piece') return Array.from({ length }, (_, t) => t)
  const all = stream({ seed, purpose: 'piece', step }).permutation(frames)
  return [...all.subarray(0, length)].sort((a, b) => a - b)
}

/** Numbers of the tokens of some frames among those of the whole clip. */
const tokensIn = (frames: readonly number[], perFrame: number): Int32Array =>
  Int32Array.from(frames.flatMap((t) => Array.from({ length: perFrame }, (_, i) => t * perFrame + i)))

const modelIndex = {
  _class_name: 'TextToVideoPipeline',
  tokenizer: ['transformers', 'PreTrainedTokenizerFast'],
  text_encoder: ['transformers', 'CLIPModel'],
  transformer: ['diffusers', 'WanTransformer3DModel'],
  vae: ['tubelet', 'VideoVae'],
  scheduler: ['diffusers', 'FlowMatchEulerDiscreteScheduler'],
}
