/**
 * The video autoencoder: clips of 17 frames with transparency become 9 latent frames at a 16th of the size.
 * Data: `tubelet data build emoji --size 128 --frames 17`.
 *
 * Frames of one clip are alike, so most of a step goes into pieces of 5 frames of many clips; two whole clips and a few
 * stills keep the other lengths in use.
 */
import {
  add,
  input,
  latentFrames,
  mul,
  params,
  type Recipe,
  stream,
  type Tensor,
  trapezoid,
  type VideoVaeConfig,
  videoDecoder,
  videoEncoder,
  videoVaeJson,
  videoVaeLoss,
} from 'tubelet'
import {
  clipBatch,
  clipFromPlanes,
  dataOf,
  encodeWebp,
  epochOrder,
  type LoadedClips,
  latentStatistics,
  loadClips,
  modelFile,
  readDataset,
  readPart,
  shipped,
  videoLatents,
} from 'tubelet/node'
import { videoVaeMuon } from './parts/video-vae-muon.ts'

const config: VideoVaeConfig = {
  channels: 4,
  latentChannels: 24,
  width: 256,
  heads: 4,
  mlpRatio: 4,
  encoderDepth: 3,
  decoderDepth: 5,
  fineWidth: 32,
  fineDepth: 2,
  tailWidth: 16,
}
const changes = { mirror: 0.5, phase: true, reverse: 0.2, recolour: 0.1 }
const weightsOfTerms = { absolute: 1, squared: 2, motion: 0.5, kl: 2e-4 }

export default {
  name: 'emoji-vae',
  summary: 'a video autoencoder for moving emoji with transparency, causal in time',
  data: { size: 64, frames: 17 },

  async prepare({ runtime, data = shipped('data/emoji-64'), from, seed = 0, steps = 6000, report }) {
    const { shards } = await readDataset(data)
    const kinds = (['clip', 'still'] as const).filter((kind) => shards.some((shard) => shard.kind === kind))
    const [clips, stills] = await Promise.all(
      kinds.map((kind) => loadClips(data, { kind, split: 'train', styles: ['fluent'] })),
    )
    const { frames, size } = clips
    const parts: Part[] = [
      part('piece', clips, { count: 4, length: Math.min(5, frames), seed }),
      part('whole', clips, { count: 1, length: frames, seed }),
      ...(stills ? [part('still', stills, { count: 2, length: 1, seed })] : []),
    ]
    const all = parts.reduce((sum, { count, length }) => sum + count * length, 0)
    const noiseShape = ({ count, length }: Part) => [
      ...[count, config.latentChannels, latentFrames(length), size / 16, size / 16],
    ]
    report(`${clips.count} clips of ${frames} frames and ${stills?.count ?? 0} stills, ${size} × ${size}`)
    return {
      name: 'emoji-vae',
      seed,
      steps,
      samples: parts.reduce((sum, { count }) => sum + count, 0),
      settings: {
        data,
        config,
        changes,
        from,
        parts: parts.map(({ name, count, length }) => ({ name, count, length })),
      },
      weights: from === undefined ? undefined : dataOf((await readPart(from, 'vae', 'VideoVae')).arrays),
      build(p) {
        const loss = videoVaeLoss(p, config, weightsOfTerms)
        const losses = parts.map((one) => {
          const clip = input(`${one.name}.clip`, [one.count, one.length, 4, size, size])
          const terms = loss(clip, input(`${one.name}.noise`, noiseShape(one)))
          return { ...terms, share: (one.count * one.length) / all }
        })
        const mean = (name: keyof (typeof losses)[number]) =>
          losses.map((one) => mul(one[name] as Tensor, one.share)).reduce(add)
        return { loss: mean('loss'), absolute: mean('absolute'), squared: mean('squared'), kl: mean('kl') }
      },
      batch: (step) =>
        Object.fromEntries(
          parts.flatMap((one) => {
            const { name, set, length } = one
            const of = { seed, step: step * parts.length + parts.indexOf(one) } // every part has draws of its own
            const noise = stream({ ...of, purpose: 'latent noise' }).normal(noiseShape(one).reduce((a, b) => a * b))
            return [
              [`${name}.clip`, clipBatch(set, one.order(step), { ...changes, length, ...of })],
              [`${name}.noise`, noise],
            ]
          }),
        ),
      accumulate: 2, // two batches a step, at the same time
      workers: 2,
      lr: trapezoid({ peak: 2e-3, warmup: Math.min(40, Math.floor(steps / 10)), total: steps, decay: 0.4 }),
      optimizer: {
        beta2: 0.99,
        weightDecay: 0.01,
        clip: 1,
        ema: 0.998,
        muon: videoVaeMuon,
      },
      async pictures(weights) {
        const p = params()
        const clip = input('clip', [1, frames, 4, size, size])
        const y = videoDecoder(p.at('decoder'), config)(videoEncoder(p.at('encoder'), config)(clip).mean)
        const program = await runtime.load({ y }, { constants: dataOf(weights) })
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
        const statistics = await latentStatistics(some, {
          ...{ runtime, network: videoLatents(config), weights: dataOf(weights) },
        })
        return {
          'vae/config.json': JSON.stringify(videoVaeJson(config, statistics), null, 1),
          'vae/diffusion_pytorch_model.safetensors': modelFile(weights),
        }
      },
      async close() {
        clips.close()
        stills?.close()
      },
    }
  },
} satisfies Recipe

/** One kind of samples in each batch. */
interface Part {
  readonly name: string
  readonly set: LoadedClips
  readonly count: number
  readonly length: number // frames
  readonly order: (step: number) => number[]
}

const part = (
  name: string,
  set: LoadedClips,
  { count, length, seed }: { count: number; length: number; seed: number },
): Part => ({ name, set, count, length, order: epochOrder(set.count, count, { seed, purpose: `vae ${name}` }) })
