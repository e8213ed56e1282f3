import { buildMade, type MadeSet } from '../data/made-set.ts'
import { movingShapesSet, shapesSet } from '../data/made-shapes.ts'
import { gaussianMixture, hillsOnCircle } from '../data/mixture.ts'
import { writeMixture } from '../data/mixture-file.ts'
import { digitSide, mnistSet } from '../data/mnist.ts'
import { wholeNumber } from './arguments.ts'
import { followBuild } from './build-progress.ts'
import { command, type Shell } from './command.ts'
import { printBuild, qualityOf, withSizes } from './data-build.ts'
import { checkVectorFile } from './embed.ts'

interface Coding {
  readonly out: string
  readonly size: number
  readonly frames?: number
  readonly quality: number
  readonly lossless?: true
}

async function build(set: MadeSet, { out, size, frames, ...coding }: Coding, shell: Shell): Promise<void> {
  const options = { out: shell.path(out), size, frames, quality: qualityOf(coding), signal: shell.io.signal }
  printBuild(await followBuild(buildMade(set, options), shell), out, shell)
}

/** `tubelet data build shapes`: pictures whose count, colours, shapes, places and sizes are known. */
export const shapesCommand = command({
  define: (command, t) =>
    withSizes(command, t)
      .option('-o, --out <folder>', t('data.build.out'), 'data/shapes')
      .option('-n, --count <n>', t('data.build.count'), wholeNumber(t, { min: 1, max: 1_000_000 }), 2000)
      .option('--groups <n>', t('data.build.groups'), wholeNumber(t, { min: 1, max: 9 }), 2)
      .option('--most <n>', t('data.build.most'), wholeNumber(t, { min: 1, max: 9 }), 3)
      .option('-s, --seed <n>', t('data.build.seed'), wholeNumber(t, { min: 0, max: 2 ** 52 }), 0),

  async run(_, { count, groups, most, seed, ...coding }, shell) {
    await build(shapesSet({ count, seed, groups, shapes: most }), coding, shell)
    return undefined
  },
})

/** `tubelet data build moving-shapes`: clips whose directions, speeds and order of events are known. */
export const movingShapesCommand = command({
  define: (command, t) =>
    withSizes(command, t)
      .option('-o, --out <folder>', t('data.build.out'), 'data/moving-shapes')
      .option('-n, --count <n>', t('data.build.count'), wholeNumber(t, { min: 1, max: 1_000_000 }), 1000)
      .option('--events <n>', t('data.build.events'), wholeNumber(t, { min: 1, max: 2 }), 2)
      .option('-s, --seed <n>', t('data.build.seed'), wholeNumber(t, { min: 0, max: 2 ** 52 }), 0),

  async run(_, { count, events, seed, ...coding }, shell) {
    await build(movingShapesSet({ count, seed, events }), coding, shell)
    return undefined
  },
})

/** `tubelet data build mnist`: handwritten digits. */
export const mnistCommand = command({
  define: (command, t) =>
    command
      .option('-o, --out <folder>', t('data.build.out'), 'data/mnist')
      .option('--size <pixels>', t('data.build.size'), wholeNumber(t, { min: 1, max: 512 }), digitSide)
      .option('--quality <n>', t('data.build.quality'), wholeNumber(t, { min: 1, max: 100 }), 80)
      .option('--lossless', t('data.build.lossless')),

  async run(_, coding, shell) {
    await build(await mnistSet({ signal: shell.io.signal }), coding, shell)
    return undefined
  },
})

/** `tubelet data build mixture`: points in the plane whose density and score are known. */
export const mixtureCommand = command({
  define: (command, t) =>
    command
      .option('-o, --out <file>', t('data.build.points'), 'data/mixture.safetensors')
      .option('-n, --count <n>', t('data.build.count'), wholeNumber(t, { min: 1, max: 10_000_000 }), 10_000)
      .option('--hills <n>', t('data.build.hills'), wholeNumber(t, { min: 1, max: 1000 }), 8)
      .option('-s, --seed <n>', t('data.build.seed'), wholeNumber(t, { min: 0, max: 2 ** 52 }), 0),

  async run(_, { out, count, hills, seed }, shell) {
    await checkVectorFile(out, shell)
    await writeMixture(shell.path(out), gaussianMixture(hillsOnCircle(hills)), { count, seed })
    shell.result({ path: shell.path(out), count, hills, seed }, out)
    return undefined
  },
})
