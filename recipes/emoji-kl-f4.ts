/**
 * The autoencoder of latent diffusion (Rombach et al. 2022, section 3.1), KL-f4 in small, with transparency: 4 × 64 × 64
 * numbers become 4 × 16 × 16. Random frames of the clips are its pictures. `emoji-latent-diffusion` and `emoji-dit` learn on
 * its latents. Measured: 1,500 steps in 8 minutes on one core; the outlines are there, small letters are not.
 */
import { autoencoding, input, nn, type Recipe, vae, vaeConfig, warmupCosine } from 'tubelet'
import {
  clipBatch,
  dataOf,
  epochOrder,
  framePictures,
  latentStatistics,
  loadClips,
  modelFile,
  pictureGrid,
  pictureLatents,
  readPart,
  shipped,
} from 'tubelet/node'

const batch = 8
const klWeight = 1e-4 // the paper's 10⁻⁶, times 100 for so small a set
const changes = { mirror: 0.5, phase: true, recolour: 0.1 }
const shown = 8 // held-out pictures beside what becomes of them
const json = {
  _class_name: 'AutoencoderKL',
  ...{ in_channels: 4, out_channels: 4, latent_channels: 4, act_fn: 'silu', norm_num_groups: 8 },
  ...{ block_out_channels: [32, 64, 64], layers_per_block: 1, mid_block_add_attention: true },
  down_block_types: ['DownEncoderBlock2D', 'DownEncoderBlock2D', 'DownEncoderBlock2D'],
  up_block_types: ['UpDecoderBlock2D', 'UpDecoderBlock2D', 'UpDecoderBlock2D'],
}

export default {
  name: 'emoji-kl-f4',
  summary: 'an autoencoder of emoji with transparency, four times smaller along each side',

  async prepare({ runtime, data = shipped('data/emoji-64'), from, seed = 0, steps = 1500, report }) {
    const load = (split: 'train' | 'held-out') => loadClips(data, { kind: 'clip', split, styles: ['fluent'] })
    const [clips, unseen] = [await load('train'), await load('held-out')]
    const { size } = clips
    report(`${clips.count} clips of ${clips.frames} frames, ${size} × ${size}`)
    const config = vaeConfig(json)
    const order = epochOrder(clips.count, batch, { seed, purpose: 'clips' })
    const pictures = (step: number) => clipBatch(clips, order(step), { ...changes, length: 1, seed, step })
    return {
      ...{ name: 'emoji-kl-f4', seed, steps },
      settings: { data, from, json, batch, klWeight, changes },
      weights: from === undefined ? undefined : dataOf((await readPart(from, 'vae', 'AutoencoderKL')).arrays),
      ...autoencoding({ config, size, batch, seed, klWeight, pictures }),
      lr: warmupCosine({ peak: 2e-3, warmup: Math.min(100, steps >> 4), total: steps }),
      optimizer: { weightDecay: 0, clip: 1, ema: 0.995 },
      /** Held-out pictures, and below what the autoencoder makes of them. */
      async pictures(weights) {
        const { encode, decode } = vae(nn.params(), config)
        const y = decode(encode(input('x', [shown, 4, size, size])).mean)
        const program = await runtime.load({ y }, { constants: dataOf(weights) })
        const chosen = Array.from({ length: shown }, (_, k) => Math.floor((k * unseen.count) / shown))
        const x = clipBatch(unseen, chosen, { length: 1, seed, step: 0 })
        const y4 = (await program.run({ x })).y as Float32Array
        await program.release()
        const both = new Float32Array(2 * x.length)
        both.set(x)
        both.set(y4, x.length)
        return { 'held-out.png': await pictureGrid(both, { channels: 4, height: size, width: size, columns: shown }) }
      },
      async publish(weights) {
        // One frame of each clip is enough for one number.
        const network = pictureLatents(config)
        const some = framePictures(clips, clips.frames)
        const { mean, std } = await latentStatistics(some, { runtime, network, weights: dataOf(weights) })
        const squares = mean.map((value, c) => value ** 2 + std[c] ** 2)
        const deviation = Math.sqrt(squares.reduce((a, b) => a + b) / squares.length)
        return {
          'vae/config.json': JSON.stringify({ ...json, sample_size: size, scaling_factor: 1 / deviation }, null, 1),
          'vae/diffusion_pytorch_model.safetensors': modelFile(weights),
        }
      },
      async close() {
        clips.close()
        unseen.close()
      },
    }
  },
} satisfies Recipe
