import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { fileError } from './disk.ts'

/** SHA-256 over the config and weights of a model part or of every part of a model folder, in hexadecimal. */
export async function weightsHash(folder: string): Promise<string> {
  const hash = createHash('sha256')
  try {
    const files = (await readdir(folder, { recursive: true }))
      .filter((file) => /\.(json|safetensors)$/.test(file))
      .map((file) => file.replaceAll(sep, '/')) // so that every system gives the same hash
      .sort()
    for (const file of files) {
      hash.update(`${file}\n`)
      for await (const chunk of createReadStream(join(folder, file))) hash.update(chunk)
    }
  } catch (error) {
    throw fileError(error, 'read', folder)
  }
  return hash.digest('hex')
}

/** SHA-256 of a file, in hexadecimal. */
export async function fileHash(path: string): Promise<string> {
  const hash = createHash('sha256')
  try {
    for await (const chunk of createReadStream(path)) hash.update(chunk)
  } catch (error) {
    throw fileError(error, 'read', path)
  }
  return hash.digest('hex')
}
