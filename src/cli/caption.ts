import { readPicture } from '../files/picture-file.ts'
import { pipeline } from '../generate/pipeline.ts'
import { wholeNumber } from './arguments.ts'
import { checkFiles } from './clip-input.ts'
import { command } from './command.ts'
import { findModel } from './models.ts'

/** `tubelet caption FILE...`: in the language of the messages. */
export const captionCommand = command({
  define: (command, t) =>
    command
      .argument('<files...>', t('caption.files'))
      .option('-m, --model <model>', t('caption.model'), 'captioner')
      .option('--long', t('caption.long'))
      .option('--beams <n>', t('caption.beams'), wholeNumber(t, { min: 1, max: 64 }), 4),

  async run([files], { model, long = false, beams }, shell) {
    await checkFiles(files.map(shell.path))
    const folder = await findModel(model, shell.io.cwd)
    await using write = await pipeline('image-to-text', folder, { signal: shell.io.signal })
    const captions: { path: string; caption: string; logProbability: number }[] = []
    const kind = { language: shell.lang, detail: long ? 'long' : 'short' } as const
    for (const path of files) {
      const clip = await readPicture(shell.path(path), { env: shell.io.env, name: path })
      const { text, logProbability } = await write(clip, { ...kind, beams })
      captions.push({ path, caption: text, logProbability })
    }
    const line = ({ path, caption }: (typeof captions)[number]) => (files.length > 1 ? `${path}: ${caption}` : caption)
    shell.result({ model: folder, ...kind, captions }, captions.map(line).join('\n'))
    return undefined
  },
})
