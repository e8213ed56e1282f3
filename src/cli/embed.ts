import { dirname, extname, relative } from 'node:path'
import { TubeletError } from '../errors.ts'
import { type VectorEntry, writeVectors } from '../files/vector-file.ts'
import { clipHash } from '../generate/model-folder.ts'
import { pipeline } from '../generate/pipeline.ts'
import { checkClipPlaces } from './clip-file.ts'
import { checkFiles, noteTexts } from './clip-input.ts'
import { command, type Shell } from './command.ts'
import { defaultModel, findModel } from './models.ts'
import { progress } from './progress.ts'

/** `tubelet embed FILES... --text TEXT -o vectors.safetensors`: each side of CLIP is loaded where it has something to do. */
export const embedCommand = command({
  define: (command, t) =>
    command
      .argument('[files...]', t('embed.files'))
      .option('--text <text>', t('embed.text'), (text, before) => [...before, text], [] as readonly string[])
      .option('-m, --model <model>', t('clip.model'), defaultModel)
      .option('-o, --out <file>', t('embed.out')),

  async run([files], { text: texts, model, out }, shell) {
    if (files.length + texts.length === 0) throw new TubeletError('usage', shell.t('embed.which'))
    if (texts.some((text) => text.trim() === '')) throw new TubeletError('usage', shell.t('embed.emptyText'))
    const path = out ?? (shell.json ? undefined : 'vectors.safetensors')
    if (path) await checkVectorFile(path, shell)
    await checkFiles(files.map((file) => shell.path(file)))
    const folder = await findModel(model, shell.io.cwd)
    await noteTexts(texts, folder, shell)
    const rows = await embedAll(folder, { files, texts }, shell)
    const entries = [
      ...files.map((name): VectorEntry => ({ name, kind: 'image' })),
      ...texts.map((name): VectorEntry => ({ name, kind: 'text' })),
    ]
    const modelHash = await clipHash(folder)
    const about = { model, modelHash, count: rows.length, width: rows[0].length }
    if (!path) {
      const vectors = entries.map((entry, i) => ({ ...entry, vector: [...rows[i]] }))
      shell.result({ ...about, vectors }, '')
      return undefined
    }
    const to = shell.path(path)
    await writeVectors(to, { modelHash, folder: relative(dirname(to), shell.io.cwd), entries, rows })
    shell.result({ path, ...about }, path)
    return undefined
  },
})

/** Throws where a file of vectors cannot be written, before anything is computed. */
export async function checkVectorFile(path: string, { t, io, path: absolute }: Shell): Promise<void> {
  if (extname(path) !== '.safetensors') throw new TubeletError('usage', t('embed.ending', { path }))
  await checkClipPlaces([absolute(path)], io.env)
}

interface Given {
  readonly files: readonly string[]
  readonly texts: readonly string[]
}

async function embedAll(folder: string, { files, texts }: Given, shell: Shell): Promise<Float32Array[]> {
  const { signal } = shell.io
  const total = files.length + texts.length
  const bar = progress(shell, { total, label: (done) => shell.t('embed.progress', { done, total }) })
  const rows: Float32Array[] = []
  try {
    if (files.length > 0) {
      await using images = await pipeline('image-feature-extraction', folder, { signal })
      for (const file of files) {
        rows.push(await images(shell.path(file)))
        bar.update(rows.length)
      }
    }
    if (texts.length > 0) {
      await using words = await pipeline('feature-extraction', folder, { signal })
      for (const text of texts) {
        rows.push(await words(text))
        bar.update(rows.length)
      }
    }
  } finally {
    bar.end()
  }
  return rows
}
