import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { unknownWords } from '../data/words.ts'
import { TubeletError } from '../errors.ts'
import { fileError, readJson } from '../files/disk.ts'
import { knownWordsOf } from '../generate/model-folder.ts'
import { readTokenizer } from '../generate/open-text-to-video.ts'
import { clipConfig } from '../models/clip.ts'
import type { Shell } from './command.ts'
import { cutTo } from './text.ts'

/** Throws TubeletError('input') for the first of some files that is not there, or is a folder. */
export async function checkFiles(paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    const found = await stat(path).catch((error) => {
      throw fileError(error, 'read', path)
    })
    if (found.isDirectory()) throw new TubeletError('input', `cannot read ${path}: it is a folder, not a file`)
  }
}

/** Tells which words of some texts the model has not learnt, where it says what it knows, and which ends it does not read. */
export async function noteTexts(texts: readonly string[], folder: string, { say, t }: Shell): Promise<void> {
  if (texts.length === 0) return
  const known = await knownWordsOf(folder)
  const words = await readTokenizer(folder)
  const { context } = clipConfig(await readJson(join(folder, 'text_encoder', 'config.json'))).text
  for (const text of texts) {
    const prompt = cutTo(text, 60)
    const unknown = known ? unknownWords(text, known) : []
    if (unknown.length > 0) say(t('generate.unknown', { prompt, words: cutTo(unknown.join(', '), 60) }))
    const unread = words.tail(text, context)
    if (unread !== '') say(t('generate.unread', { prompt, unread: cutTo(unread, 60) }))
  }
}
