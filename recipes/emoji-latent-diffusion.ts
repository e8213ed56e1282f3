/**
 * Latent diffusion (Rombach et al. 2022): the U-Net of Stable Diffusion 1 in small, on the latents of `emoji-kl-f4`, reads
 * the CLIP text states of the shipped model by cross-attention and draws stills with transparency. First
 * `tubelet train emoji-kl-f4`, then `tubelet train emoji-latent-diffusion --model last`. `imagePipeline` draws with what
 * comes out. Measured: loss 0.14 after 1,800 steps, 25 minutes on one core; shapes and colours follow the words, edges are coarse.
 */
import { ddpmConfig, denoising, imagePipeline, type Recipe, stream, unet, unetTextConfig, warmupCosine } from 'tubelet'
import {
  cacheFolder,
  dataOf,
  encodedPictures,
  encodeWebp,
  framePictures,
  modelFile,
  partFiles,
  promptedDrawings,
  readPart,
  readPictureVae,
  shipped,
  textCache,
  textEncoder,
  weightsHash,
} from 'tubelet/node'
import { everyTenth, klF4, scheduler } from './parts/kl-f4.ts'
import { wordsKnown } from './parts/words-known.ts'

const words = shipped('models/emoji-video') // whose CLIP reads the prompts
const batch = 32
const [variants, promptsEach] = [1, 8] // changed copies of each drawing, and ways to ask for each
const every = 6 // frames between the pictures of a clip
const dropout = 0.1 // of prompts, so that the model also learns to draw without one
const className = 'UNet2DConditionModel'
const examples = ['a red heart', '红心', 'a blue bird', 'clock', 'two small red hearts', '小狗']

export default {
  name: 'emoji-latent-diffusion',
  summary: 'text to emoji with transparency, by the U-Net of Stable Diffusion on latents',

  async prepare({ runtime, data = shipped('data/emoji-64'), model = klF4, from, seed = 0, steps = 1800, report }) {
    const vae = await readPictureVae(model)
    const text = await textEncoder(words, runtime)
    const drawings = await promptedDrawings(data, { kind: 'clip', variants, promptsEach })
    const { prompts, size } = drawings
    const known = await wordsKnown(drawings.words, from)
    const pictures = framePictures(drawings, every)
    const encoded = await encodedPictures(pictures, {
      vae,
      runtime,
      onProgress: everyTenth(report, 'pictures encoded'),
    })
    drawings.close()
    const states = await textCache(['', ...prompts.flat()], {
      encoder: text,
      hash: await weightsHash(`${words}/text_encoder`),
      cacheDir: `${cacheFolder()}/text`,
      onProgress: everyTenth(report, 'prompts encoded'),
    })
    const [channels, side] = encoded.shape
    const json = {
      _class_name: className,
      ...{ sample_size: side, in_channels: channels, out_channels: channels, cross_attention_dim: text.width },
      ...{ block_out_channels: [64, 128, 128], layers_per_block: 1, norm_num_groups: 16, attention_head_dim: 4 },
      down_block_types: ['CrossAttnDownBlock2D', 'CrossAttnDownBlock2D', 'DownBlock2D'],
      up_block_types: ['UpBlock2D', 'CrossAttnUpBlock2D', 'CrossAttnUpBlock2D'],
    }
    const config = unetTextConfig(json)
    const perPrompt = text.length * text.width
    return {
      ...{ name: 'emoji-latent-diffusion', seed, steps },
      settings: { data, model, from, json, scheduler, batch, variants, promptsEach, every, dropout },
      weights: from === undefined ? undefined : dataOf((await readPart(from, 'unet', className)).arrays),
      ...denoising(encoded, {
        ...{ batch, seed, config: ddpmConfig.parse(scheduler) },
        build(p) {
          const predict = unet(p, config)
          return (x, t, { text }) => predict(x, t, { text })
        },
        told: {
          text: {
            shape: [text.length, text.width],
            of(chosen, step) {
              const random = stream({ seed, purpose: 'prompts', step })
              const out = new Float32Array(batch * perPrompt)
              for (const [b, picture] of chosen.entries()) {
                const ways = prompts[pictures.clipOf(picture)]
                const prompt = ways[random.integer(ways.length)]
                const asked = random.uniform(1)[0] < dropout ? '' : prompt
                states.read(asked, out.subarray(b * perPrompt, (b + 1) * perPrompt))
              }
              return out
            },
          },
        },
      }),
      lr: warmupCosine({ peak: 1e-3, warmup: Math.min(100, steps >> 4), total: steps, floor: 0.1 }),
      optimizer: { weightDecay: 0, clip: 1, ema: 0.995 },
      async pictures(weights) {
        const network = { folder: 'the run', className, config: json, arrays: weights }
        const pipeline = await imagePipeline({ size, text, unet: network, vae, scheduler, words: known }, runtime)
        const recipes = examples.map((prompt) => ({ prompt, negativePrompt: '', seed: 0, steps: 25, guidance: 3 }))
        const files: Record<string, Uint8Array> = {}
        for await (const event of pipeline.generate(recipes))
          if (event.kind === 'clip')
            files[`${event.index}-${event.recipe.prompt.replaceAll(' ', '-')}.webp`] = await encodeWebp(event.clip)
        await pipeline.release()
        return files
      },
      publish: async (weights) => ({
        ...(await partFiles(model, ['vae'])),
        ...(await partFiles(words, ['text_encoder', 'tokenizer'])),
        'unet/config.json': JSON.stringify(json, null, 1),
        'unet/diffusion_pytorch_model.safetensors': modelFile(weights),
        'scheduler/scheduler_config.json': JSON.stringify(scheduler, null, 1),
        'model_index.json': JSON.stringify({
          _class_name: 'TextToImagePipeline',
          tokenizer: ['transformers', 'PreTrainedTokenizerFast'],
          text_encoder: ['transformers', 'CLIPModel'],
          unet: ['diffusers', className],
          vae: ['diffusers', 'AutoencoderKL'],
          scheduler: ['diffusers', 'DDIMScheduler'],
          size,
          known_words: known,
        }),
      }),
      close() {
        states.close()
        return text.release()
      },
    }
  },
} satisfies Recipe
