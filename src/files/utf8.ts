import { TubeletError } from '../errors.ts'

/** The text that some bytes are; throws TubeletError('input') where they are not UTF-8, or hold a zero as UTF-16 does. */
export function utf8Text(bytes: Uint8Array, name: string): string {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    if (!text.includes('\0')) return text
  } catch {
    // told below
  }
  throw new TubeletError('input', `${name}: not text in UTF-8; save it in that encoding`)
}
