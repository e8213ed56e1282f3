/**
 * The decoder of the video autoencoder, once more, on what the transformer draws: drawn latents are a little off those
 * of any clip, and a decoder that has only seen the encoder's shows that as ragged edges, specks and mottled planes.
 * The encoder, and with it all that the transformer has learnt, stays as it is.
 *
 * Drawings are drawn from noise, or from their own latents under much of it, once for all steps (about a quarter of a
 * second each). As many clips come from the encoder, so that the decoder remains its opposite. Where drawn latents do not
 * tell what moves when, the best guess of a frame is that nothing does: how much moves in all of the clip counts by itself.
 * Data: `tubelet data build emoji --size 128 --frames 17`, the size that the model of `--model` draws.
 */
import {
  add,
  input,
  mul,
  params,
  type Recipe,
  type Tensor,
  trapezoid,
  videoDecoder,
  videoDecoderLoss,
  videoVaeConfig,
  videoVaeJson,
} from 'tubelet'
import {
  clipBatch,
  clipFromPlanes,
  dataOf,
  drawnLatents,
  encodeWebp,
  epochOrder,
  type LatentCache,
  type LatentSet,
  latentSet,
  modelFile,
  type PromptedDrawings,
  promptedDrawings,
  readDataset,
  readPart,
  shipped,
} from 'tubelet/node'
import { copies, hold, ways } from './parts/emoji-latents.ts'
import { every } from './parts/every.ts'
import { videoVaeMuon } from './parts/video-vae-muon.ts'

const inBatch = { drawn: 3, held: 1, encoded: 3 } // two batches a step, at the same time
const passes = { clip: 3, still: 1 } // at most, over all drawings
const accumulate = 2
const weightsOfTerms = {
  drawn: { absolute: 1, squared: 2, motion: 1, amplitude: 6 },
  held: { absolute: 1, squared: 2, motion: 1, amplitude: 0 },
  encoded: { absolute: 1, squared: 6, motion: 1, amplitude: 0 }, // no worse than before
}

export default {
  name: 'emoji-decoder',
  summary: "the video autoencoder's decoder, on what the transformer draws",

  async prepare({
    runtime,
    data = shipped('data/emoji-64'),
    model = shipped('models/emoji-video'),
    from = model,
    ...rest
  }) {
    const { seed = 0, steps = 1500, report } = rest
    const before = await readPart(from, 'vae', 'VideoVae')
    const arraysOf = (name: 'encoder' | 'decoder') =>
      Object.fromEntries(Object.entries(before.arrays).filter(([key]) => key.startsWith(`${name}.`)))
    const { config, latents: statistics } = videoVaeConfig(before.config)
    const { shards } = await readDataset(data)
    const open = async (kind: Kind): Promise<Drawings> => {
      const options = { kind, variants: copies[kind], hold: kind === 'still' ? hold : 1, ...ways }
      const onProgress = every(report, `${kind}s encoded`)
      const set = await latentSet(data, { ...options, model: from, runtime, onProgress })
      return { set, drawings: await promptedDrawings(data, options) }
    }
    const clips = await open('clip')
    const stills = shards.some(({ kind }) => kind === 'still') ? await open('still') : undefined
    const frames = clips.set.latents.shape[1]
    /** What the transformer draws, in as many passes as the steps ask for. */
    const drawn = async (kind: Kind, { set }: Drawings, inEachBatch: number): Promise<Source[]> => {
      const enough = Math.ceil((steps * accumulate * inEachBatch) / set.originals)
      const wanted = Math.min(passes[kind], enough)
      const sources: Source[] = []
      for (let pass = 0; pass < wanted; pass++) {
        const onProgress = every(report, `${kind}s drawn, pass ${pass + 1} of ${wanted}`)
        const latents = await drawnLatents(set, { model, runtime, pass, frames, onProgress })
        sources.push({ latents, normal: true })
      }
      return sources
    }
    const partOf = (name: Part['name'], length: number, { drawings }: Drawings, sources: Source[]): Part => {
      const all = sources.reduce((sum, { latents }) => sum + latents.count, 0)
      const order = epochOrder(all, inBatch[name], { seed, purpose: `decoder ${name}` })
      return { name, count: inBatch[name], length, drawings, sources, order }
    }
    const whole = clips.set.frames
    const parts = [
      partOf('drawn', whole, clips, await drawn('clip', clips, inBatch.drawn)),
      ...(stills ? [partOf('held', hold, stills, await drawn('still', stills, inBatch.held))] : []),
      partOf('encoded', whole, clips, [{ latents: clips.set.latents, normal: false }]),
    ]
    const [channels, , ...sides] = clips.set.latents.shape
    const size = clips.set.size
    const all = parts.reduce((sum, { count, length }) => sum + count * length, 0)
    return {
      name: 'emoji-decoder',
      seed,
      steps,
      samples: parts.reduce((sum, { count }) => sum + count, 0),
      settings: { data, model, from, config, inBatch, hold, copies, passes, ways, weightsOfTerms },
      weights: dataOf(arraysOf('decoder')),
      build(p) {
        const loss = videoDecoderLoss(p, config)
        const losses = parts.map(({ name, count, length }) =>
          loss(
            input(`${name}.z`, [count, channels, (length + 1) / 2, ...sides]),
            input(`${name}.clip`, [count, length, 4, size, size]),
            weightsOfTerms[name],
          ),
        )
        const shares = parts.map(({ count, length }) => (count * length) / all)
        const total = losses.map(({ loss }, i) => mul(loss, shares[i])).reduce(add)
        const squared = Object.fromEntries(parts.map(({ name }, i) => [name, losses[i].squared]))
        return { loss: total, ...squared } as Record<string, Tensor> & { loss: Tensor }
      },
      batch: (step) =>
        Object.fromEntries(
          parts.flatMap(({ name, drawings, sources, length, order }) => {
            const chosen = order(step).map((k) => located(sources, k))
            const which = chosen.map(({ i }) => i)
            return [
              [`${name}.z`, decodable(chosen, (length + 1) / 2, statistics)],
              [`${name}.clip`, clipBatch(drawings, which, { seed, step, length })],
            ]
          }),
        ),
      accumulate,
      workers: 2,
      lr: trapezoid({ peak: 6e-4, warmup: Math.min(40, Math.floor(steps / 10)), total: steps, decay: 0.9 }),
      optimizer: {
        beta2: 0.99,
        weightDecay: 0.01,
        clip: 1,
        ema: 0.995,
        muon: videoVaeMuon,
      },
      async pictures(weights) {
        const p = params()
        const y = videoDecoder(p.at('decoder'), config)(input('z', [1, channels, frames, ...sides]))
        const program = await runtime.load({ y }, { constants: dataOf(weights) })
        const files: Record<string, Uint8Array> = {}
        const [{ sources }] = parts
        for (const k of [0, 1, 2, 3, 4, 5]) {
          const chosen = [{ source: sources[0], i: Math.floor((k * sources[0].latents.count) / 6) }]
          const { y } = await program.run({ z: decodable(chosen, frames, statistics) })
          const shown = { size: { width: size, height: size }, fps: clips.set.fps }
          files[`${clips.set.prompts[chosen[0].i][0].replaceAll(/[^\p{L}\p{N}]+/gu, '-')}.webp`] = await encodeWebp(
            clipFromPlanes(y as Float32Array, shown),
          )
        }
        await program.release()
        return files
      },
      publish: async (weights) => ({
        'vae/config.json': JSON.stringify(videoVaeJson(config, statistics), null, 1),
        'vae/diffusion_pytorch_model.safetensors': modelFile({ ...arraysOf('encoder'), ...weights }),
      }),
      async close() {
        for (const { sources } of parts) for (const { latents } of sources) latents.close()
        stills?.set.latents.close()
        clips.drawings.close()
        stills?.drawings.close()
      },
    }
  },
} satisfies Recipe

type Kind = keyof typeof copies

/** Drawings of one kind with their latents. */
interface Drawings {
  readonly set: LatentSet
  readonly drawings: PromptedDrawings // their pixels
}

/** One kind of samples in each batch. */
interface Part {
  readonly name: keyof typeof inBatch
  readonly count: number
  readonly length: number // frames that are decoded
  readonly drawings: PromptedDrawings
  readonly sources: readonly Source[]
  readonly order: (step: number) => number[]
}

/** Latents of drawings: number i is what the decoder makes drawing i of. */
interface Source {
  readonly latents: LatentCache
  readonly normal: boolean // whether channels have mean 0 and deviation 1
}

/** Latents of a source, by number. */
interface Place {
  readonly source: Source
  readonly i: number
}

/** Where the k-th of all latents of some sources is. */
function located(sources: readonly Source[], k: number): Place {
  const source = sources.find(({ latents }) => {
    if (k < latents.count) return true
    k -= latents.count
    return false
  })
  if (!source) throw new Error(`no latents ${k}`)
  return { source, i: k }
}

type Statistics = ReturnType<typeof videoVaeConfig>['latents']

/** The first frames of some latents, as the decoder reads them: [B, C, T', H, W]. */
function decodable(chosen: readonly Place[], frames: number, { mean, std }: Statistics): Float32Array {
  const [channels, T, height, width] = chosen[0].source.latents.shape
  const [plane, all] = [frames * height * width, T * height * width]
  const out = new Float32Array(chosen.length * channels * plane)
  chosen.forEach(({ source: { latents, normal }, i }, b) => {
    const z = latents.latents(i)
    for (let c = 0; c < channels; c++) {
      const own = out.subarray((b * channels + c) * plane, (b * channels + c + 1) * plane)
      for (let j = 0; j < plane; j++) own[j] = normal ? z[c * all + j] * std[c] + mean[c] : z[c * all + j]
    }
  })
  return out
}
