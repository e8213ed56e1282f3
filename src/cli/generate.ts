import { randomInt } from 'node:crypto'
import { Option } from '@commander-js/extra-typings'
import { TubeletError } from '../errors.ts'
import type { Clip } from '../files/clip.ts'
import { weightsHash } from '../files/hash.ts'
import { readPicture } from '../files/picture-file.ts'
import { visualPromptFor } from '../generate/asked-visual.ts'
import { textToVideo } from '../generate/open-text-to-video.ts'
import { type GenerateEvent, type Recipe, type TextToVideo, usualDrawing } from '../generate/text-to-video.ts'
import { nodeRuntime } from '../runtime/node.ts'
import { frameSize, number, wholeNumber } from './arguments.ts'
import { checkClipName, checkClipPlaces, writeClip } from './clip-file.ts'
import { didYouMean } from './clip-input.ts'
import { clipNames } from './clip-names.ts'
import { command, type Shell } from './command.ts'
import { defaultModel, findModel } from './models.ts'
import { packageVersion } from './package.ts'
import { progress } from './progress.ts'
import { readPrompts } from './prompts.ts'
import { pictureProtocol, terminalPicture } from './terminal-picture.ts'
import { cutTo } from './text.ts'
import { askedVisual } from './visual-options.ts'

/** `tubelet generate PROMPT... -o FILE` */
export const generateCommand = command({
  define: (command, t) =>
    command
      .argument('[prompts...]', t('generate.prompts'))
      .option('--prompts <file>', t('generate.file'))
      .option('-m, --model <model>', t('generate.model'), defaultModel)
      .option('-o, --out <file>', t('generate.out'), '{prompt}-{seed}.webp')
      .option('-n, --count <n>', t('generate.count'), wholeNumber(t, { min: 1, max: 10_000 }), 1)
      .option('-s, --seed <n>', t('generate.seed'), wholeNumber(t, { min: 0, max: 2 ** 52 }))
      .option('--steps <n>', t('generate.steps'), wholeNumber(t, { min: 1, max: 1000 }), usualDrawing.steps)
      .option('--cfg <n>', t('generate.cfg'), number(t, { min: 0, max: 100 }), usualDrawing.guidance)
      .addOption(
        new Option('--dtype <type>', t('generate.dtype')).choices(['fp32', 'int8'] as const).default('fp32' as const),
      )
      .option('--size <wxh>', t('generate.size'), frameSize(t))
      .option('--frames <n>', t('generate.frames'), wholeNumber(t, { min: 1, max: 100_000 }))
      .option('--negative <prompt>', t('generate.negative'), '')
      .option('--image <file>', t('generate.image'))
      .option('--strength <part>', t('generate.strength'), number(t, { min: 0.01, max: 1 }))
      .option('--mask <file>', t('generate.mask'))
      .option('--extend <clip>', t('generate.extend'))
      .option('--back', t('generate.back'))
      .option('--loop <clip>', t('generate.loop'))
      .option('--between <files...>', t('generate.between')),

  async run([given], { model, out, count, steps, cfg, negative, dtype, size, frames, ...options }, shell) {
    checkClipName(out)
    const asked = askedVisual(options, shell)
    const prompts = await readPrompts(given, options.prompts, shell)
    if (prompts.length === 0) throw new TubeletError('usage', shell.t('generate.which'))
    if (negative !== '' && cfg === 1) shell.say(shell.t('generate.negativeUnused'))
    const first = options.seed ?? randomInt(2 ** 31)
    const recipes = prompts.flatMap((prompt) =>
      Array.from(
        { length: count },
        (_, i): Recipe => ({ prompt, negativePrompt: negative, seed: first + i, steps, guidance: cfg, dtype }),
      ),
    )
    const paths = clipNames(out, recipes)
    await checkClipPlaces(
      paths.map((path) => shell.path(path)),
      shell.io.env,
    )
    const folder = await findModel(model, shell.io.cwd)
    const pipeline = await textToVideo(folder, nodeRuntime(), { ...size, frames })
    const origin = {
      model,
      modelHash: (await weightsHash(folder)).slice(0, 16),
      tubelet: packageVersion(),
      node: process.version,
    }
    noteSize(pipeline, shell)
    const total = recipes.length * steps
    const bar = progress(shell, { total, label: (done) => shell.t('generate.step', { done, total }) })
    const preview = previews(shell)
    const written: object[] = []
    try {
      const video = { fps: pipeline.fps }
      const open = (path: string) => readPicture(shell.path(path), { env: shell.io.env, name: path, video })
      const visual = asked && (await visualPromptFor(asked, pipeline, open))
      for await (const event of pipeline.generate(recipes, shell.io.signal, visual)) {
        if (event.kind === 'prompt') {
          if (event.index % count === 0) note(event, bar.say, shell)
        } else if (event.kind === 'step') {
          const done = event.index * steps + event.step
          if (!preview) bar.update(done)
          else await preview.show(event.preview, shell.t('generate.step', { done, total }))
        } else {
          const recipe = { ...event.recipe, ...size, frames, ...asked, ...origin }
          const clip = visual?.whole(event.clip) ?? event.clip
          await writeClip(shell.path(paths[event.index]), clip, { recipe, env: shell.io.env })
          written.push({ path: paths[event.index], ...recipe })
        }
      }
    } finally {
      bar.end()
      await pipeline.release()
    }
    shell.result({ clips: written }, paths.join('\n'))
    return undefined
  },
})

/** Pictures of the unfinished clip in the terminal, at most one in half a second: a preview costs a run of the decoder. */
function previews({ io, quiet, json }: Shell) {
  const protocol = quiet || json ? undefined : pictureProtocol(io)
  if (!protocol) return undefined
  const picture = terminalPicture(io, protocol)
  let last = -Infinity
  return {
    async show(preview: () => Promise<Clip>, caption: string) {
      if (performance.now() - last < 500) return
      await picture.show(await preview(), caption)
      last = performance.now()
    },
  }
}

/** Tells that a size or length is none of the training. */
function noteSize({ width, height, frames, trainedOn }: TextToVideo, { say, t }: Shell) {
  if (width === trainedOn.width && height === trainedOn.height && frames === trainedOn.frames) return
  const asked = { width, height, frames }
  say(
    t('generate.unseenSize', { asked: t('generate.clipSize', asked), seen: t('generate.clipSize', { ...trainedOn }) }),
  )
}

/** Tells which words of a prompt mean nothing to the model, and where it stops reading. */
function note(
  { recipe: { prompt }, unknown, meant, known, unread }: Extract<GenerateEvent, { kind: 'prompt' }>,
  say: (line: string) => void,
  { t }: Shell,
) {
  const told =
    known === 0
      ? t('generate.unknownAll', { prompt })
      : unknown.length > 0 && t('generate.unknown', { prompt, words: unknown.join(', ') })
  if (told) say(told + didYouMean(meant, t))
  if (unread !== '') say(t('generate.unread', { prompt: cutTo(prompt, 60), unread: cutTo(unread, 60) }))
}
