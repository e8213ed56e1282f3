import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { likelyMeant, unknownWords } from '../data/words.ts'
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

/** A question after a note on unknown words: what some of them were likely meant to be. */
export function didYouMean(meant: readonly (string | undefined)[], t: Shell['t']): string {
  const like = meant.filter((word) => word !== undefined).join(', ')
  return like === '' ? '' : t('usage.didYouMean', { like: cutTo(like, 60) })
}

/** Tells which words of some texts the model has not learnt, where it says what it knows, and which ends it does not read. */
export async function noteTexts(texts: readonly string[], folder: string, { say, t }: Shell): Promise<void> {
  if (texts.length === 0) return
  const known = await knownWordsOf(folder)
  const candidates = [...(known ?? [])]
  const tokenizer = await readTokenizer(folder)
  const { context } = clipConfig(await readJson(join(folder, 'text_encoder', 'config.json'))).text
  for (const text of texts) {
    const prompt = cutTo(text, 60)
    const unknown = known ? unknownWords(text, known) : []
    const meant = unknown.map((word) => likelyMeant(word, candidates))
    const words = cutTo(unknown.join(', '), 60)
    if (unknown.length > 0) say(t('generate.unknown', { prompt, words }) + didYouMean(meant, t))
    const unread = tokenizer.tail(text, context)
    if (unread !== '') say(t('generate.unread', { prompt, unread: cutTo(unread, 60) }))
  }
}
