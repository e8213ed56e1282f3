import { extname } from 'node:path'
import sharp from 'sharp'
import { TubeletError } from '../errors.ts'
import { readBytes } from '../files/disk.ts'
import { type Environment, videoComment } from '../files/ffmpeg.ts'
import { gifComments } from '../files/gif-comment.ts'
import { isVideoName } from '../files/picture-file.ts'

/**
 * The recipe as an XMP packet, which programs that keep metadata leave in place; for a strip with the number of frames
 * that stand side by side in it.
 */
export function recipeXmp(recipe: object, frames?: number): string {
  const text = recipeComment(recipe).replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`)
  return `<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" xmlns:tubelet="https://tubelet.dev/ns/1.0/" tubelet:recipe="${text}"${frames === undefined ? '' : ` tubelet:frames="${frames}"`}/></rdf:RDF></x:xmpmeta><?xpacket end="w"?>`
}

/** The recipe as JSON in ASCII, for formats that know no other letters. */
export const recipeComment = (recipe: object): string =>
  JSON.stringify(recipe).replace(/[\u007f-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)

/**
 * The recipe in a .webp, .png, .gif or .mp4 that `generate` wrote, or undefined where there is none. Throws
 * TubeletError('input') where the file cannot be read or is no picture.
 */
export async function readRecipe(path: string, env: Environment = process.env): Promise<unknown> {
  const stored = isVideoName(path) ? await videoComment(path, env) : await inPicture(path)
  try {
    return stored === undefined ? undefined : JSON.parse(stored)
  } catch {
    return undefined // a comment of someone else
  }
}

async function inPicture(path: string): Promise<string | undefined> {
  const bytes = await readBytes(path)
  return extname(path).toLowerCase() === '.gif' ? fromGif(bytes, path) : fromXmp(bytes, path)
}

const fromGif = (bytes: Uint8Array, path: string) =>
  gifComments(bytes, path).find((comment) => /^\{"(prompt|attention)"/.test(comment))

async function fromXmp(bytes: Uint8Array, path: string): Promise<string | undefined> {
  const { xmpAsString } = await sharp(bytes)
    .metadata()
    .catch((error: Error) => {
      throw new TubeletError('input', `${path}: not a picture that can be read (${error.message})`, { cause: error })
    })
  const [, text] = /tubelet:recipe="([^"]*)"/.exec(xmpAsString ?? '') ?? []
  return text?.replace(/&#(\d+);/g, (_, code) => String.fromCharCode(Number(code)))
}
