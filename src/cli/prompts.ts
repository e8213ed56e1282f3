import { stoppedError } from '../errors.ts'
import { fileError, readBytes } from '../files/disk.ts'
import { utf8Text } from '../files/utf8.ts'
import type { Shell } from './command.ts'

/** Prompts from arguments, of which `-` is a line each of standard input, and then a line each of a file. */
export async function readPrompts(given: readonly string[], file: string | undefined, shell: Shell): Promise<string[]> {
  const prompts: string[][] = []
  for (const prompt of given) prompts.push(prompt === '-' ? lines(await readInput(shell)) : [prompt])
  if (file !== undefined) prompts.push(await readLines(file, shell))
  return prompts.flat()
}

/** The lines of a file that hold more than spaces; throws TubeletError('input') where it is not text in UTF-8. */
export const readLines = async (file: string, { path }: Pick<Shell, 'path'>): Promise<string[]> =>
  lines(utf8Text(await readBytes(path(file)), file))

const lines = (text: string): string[] =>
  text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '')

/** All of standard input; throws TubeletError('stopped') where the signal comes before its end. */
async function readInput({ io: { stdin, signal } }: Shell): Promise<string> {
  const stopped = new Promise<never>((_, reject) => {
    const stop = () => reject(stoppedError())
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop, { once: true })
  })
  const chunks: Uint8Array[] = []
  const read = async () => {
    for await (const chunk of stdin) chunks.push(Buffer.from(chunk as Uint8Array))
  }
  const failed = (error: unknown) => {
    throw fileError(error, 'read', 'standard input')
  }
  await Promise.race([read().catch(failed), stopped])
  return utf8Text(Buffer.concat(chunks), 'standard input')
}
