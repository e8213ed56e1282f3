/**
 * The video autoencoder: clips of 17 frames with transparency become 9 latent frames at a 16th of the size.
 * Data: `tubelet data build emoji --size 128 --frames 17`.
 */
import {
  input,
  latentFrames,
  params,
  type Recipe,
  stream,
  trapezoid,
  type VideoVaeConfig,
  videoDecoder,
  videoEncoder,
  videoVaeJson,
  videoVaeLoss,
} from 'tubelet'
import { clipBatch, clipFromPlanes, encodeWebp, epochOrder, latentStatistics, loadClips, modelFile } from 'tubelet/node'

const batch = 4
const config: VideoVaeConfig = {
  channels: 4,
  latentChannels: 24,
  width: 256,
  heads: 4,
  mlpRatio: 4,
  encoderDepth: 3,
  decoderDepth: 5,
  fineWidth: 32,
  fineDepth: 1,
  tailWidth: 16,
}

export default {
  name: 'emoji-vae',
  summary: 'a video autoencoder for moving emoji with transparency, causal in time',

  async prepare({ runtime, data = 'data/emoji-64', seed = 0, steps = 6000, report }) {
    const clips = await loadClips(data, { kind: 'clip', split: 'train' })
    const { frames, size } = clips
    const latent = [config.latentChannels, latentFrames(frames), size / 16, size / 16]
    const order = epochOrder(clips.count, batch, { seed, purpose: 'vae' })
    const changes = { mirror: 0.5, phase: true, reverse: 0.2, recolour: 0.1 }
    report(`${clips.count} clips of ${frames} frames, ${size} × ${size}`)
    return {
      name: 'emoji-vae',
      seed,
      steps,
      samples: batch,
      settings: { data, config, batch, changes },
      build(p) {
        const loss = videoVaeLoss(p, config, { absolute: 1, squared: 2, motion: 0.5, kl: 2e-4 })
        return loss(input('clip', [batch, frames, 4, size, size]), input('noise', [batch, ...latent]))
      },
      batch: (step) => ({
        clip: clipBatch(clips, order(step), { ...changes, seed, step }),
        noise: stream({ seed, purpose: 'latent noise', step }).normal(batch * latent.reduce((a, b) => a * b)),
      }),
      lr: trapezoid({ peak: 2e-3, warmup: Math.min(40, Math.ceil(steps / 10)), total: steps, decay: 0.4 }),
      optimizer: {
        beta2: 0.99,
        weightDecay: 0.01,
        clip: 1,
        ema: 0.998,
        muon: (name, shape) =>
          (shape.length === 2 && /blocks\./.test(name)) || /fine\..*weight$|up\.weight$/.test(name),
      },
      async pictures(weights) {
        const p = params()
        const clip = input('clip', [1, frames, 4, size, size])
        const y = videoDecoder(p.at('decoder'), config)(videoEncoder(p.at('encoder'), config)(clip).mean)
        const program = await runtime.load({ y }, { constants: arraysOf(weights) })
        const files: Record<string, Uint8Array> = {}
        for (const i of [0, 1, 2, 3].map((k) => Math.floor((k * clips.count) / 4))) {
          const out = await program.run({ clip: clipBatch(clips, [i], { seed, step: 0 }) })
          const planes = out.y as Float32Array
          files[`${clips.samples[i].codePoint}.webp`] = await encodeWebp(
            clipFromPlanes(planes, { size: { width: size, height: size }, fps: clips.samples[i].fps }),
          )
        }
        await program.release()
        return files
      },
      async publish(weights) {
        // Every tenth clip is enough for the mean and deviation of a channel, and quick enough for each checkpoint.
        const some = { ...clips, count: Math.ceil(clips.count / 10), pixels: (i: number) => clips.pixels(i * 10) }
        const statistics = await latentStatistics(some, { runtime, config, weights: arraysOf(weights) })
        return {
          'vae/config.json': JSON.stringify(videoVaeJson(config, statistics), null, 1),
          'vae/diffusion_pytorch_model.safetensors': modelFile(weights),
        }
      },
      close: async () => clips.close(),
    }
  },
} satisfies Recipe

const arraysOf = (weights: Readonly<Record<string, { readonly data: Float32Array }>>) =>
  Object.fromEntries(Object.entries(weights).map(([name, { data }]) => [name, data]))
