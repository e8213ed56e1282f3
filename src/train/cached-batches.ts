import { size } from '../graph/index.ts'
import { releaseLoaded } from '../runtime/release-loaded.ts'
import type { Arrays, Runtime } from '../runtime/runtime.ts'
import { type Batches, type Parts, prefixed } from './batches.ts'
import type { GradientCache } from './gradient-cache.ts'

/**
 * The batches of a step under one loss of them all: each is encoded without a gradient, then the loss is taken of all
 * rows, then each batch is encoded again and takes the gradient of its rows further.
 */
export async function loadCachedBatches(
  { graph, update, config }: Parts,
  cache: GradientCache,
  runtime: Runtime,
): Promise<Batches> {
  const { accumulate = 1 } = config
  const [direct, through] = [prefixed('gradient', graph.gradients), prefixed('gradient', cache.gradients)]
  const scalars = prefixed('scalar', graph.scalars)
  const graphs = [cache.rows, { ...scalars, ...direct, ...cache.rowGradients }, through]
  const loading = graphs.map((outputs) => runtime.load(outputs))
  const [encode, loss, backward] = await Promise.all(loading).catch(async (error) => {
    await releaseLoaded(loading)
    throw error
  })
  const names = Object.keys(cache.rows)
  const arrays = (): Record<string, Float32Array> =>
    Object.fromEntries(names.map((name) => [name, new Float32Array(size(cache.rowGradients[name].shape))]))
  const [rows, rowGradients] = [arrays(), arrays()]
  /** The part of one batch, under its own names or others. */
  const partOf = (all: Record<string, Float32Array>, i: number, prefix = ''): Arrays =>
    Object.fromEntries(
      names.map((name) => {
        const count = all[name].length / accumulate
        return [prefix + name, all[name].subarray(i * count, (i + 1) * count)]
      }),
    )
  /** Where a program writes gradients; the others are zero in its place. */
  const placesOf = (written: object): Record<string, Float32Array> => {
    const places = Object.entries(update.gradients)
    for (const [name, array] of places) if (!Object.hasOwn(written, name)) array.fill(0)
    return Object.fromEntries(places.filter(([name]) => Object.hasOwn(written, name)))
  }

  return {
    scale: 1,
    async run(step) {
      const batches = []
      for (let i = 0; i < accumulate; i++) {
        batches.push(await config.batch(step * accumulate + i))
        await encode.run({ ...batches[i], ...update.live }, partOf(rows, i))
      }
      const results = await loss.run({ ...rows, ...update.live }, { ...placesOf(direct), ...rowGradients })
      update.accumulate(true)
      const places = placesOf(through)
      for (const [i, batch] of batches.entries()) {
        await backward.run({ ...batch, ...partOf(rowGradients, i, 'gradient of '), ...update.live }, places)
        update.accumulate(false)
      }
      const numbers = Object.keys(graph.scalars).map((name) => [name, Number(results[`scalar ${name}`][0])])
      return Object.fromEntries(numbers)
    },
    async release() {
      for (const program of [encode, loss, backward]) await program.release()
    },
  }
}
