import { TubeletError } from '../errors.ts'

// GIF89a specification (CompuServe 1990): header, logical screen, colour table, then blocks up to the trailer 0x3B. A
// comment is an extension 0x21 0xFE, then sub-blocks of at most 255 bytes, each after its length, and a 0.

/** The GIF with a comment in ASCII before its end. */
export function addGifComment(gif: Uint8Array, comment: string): Uint8Array {
  const { end } = scan(gif, 'GIF')
  const text = new TextEncoder().encode(comment)
  const block: number[] = [0x21, 0xfe]
  for (let at = 0; at < text.length; at += 255) {
    const part = text.subarray(at, at + 255)
    block.push(part.length, ...part)
  }
  const out = new Uint8Array(end + block.length + 2)
  out.set(gif.subarray(0, end))
  out.set([...block, 0, 0x3b], end)
  return out
}

/** The comments of a GIF, in order; throws TubeletError('input') where it is damaged. `where` names the file in errors. */
export const gifComments = (gif: Uint8Array, where = 'GIF'): string[] =>
  scan(gif, where).comments.map((bytes) => new TextDecoder().decode(bytes))

/** Walks over the blocks: the comments, and where the trailer is. */
function scan(gif: Uint8Array, where: string): { comments: Uint8Array[]; end: number } {
  const byte = (at: number) => {
    if (at >= gif.length) throw new TubeletError('input', `${where}: not a whole GIF; it ends at byte ${gif.length}`)
    return gif[at]
  }
  const tableBytes = (flags: number) => (flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0)
  const signature = String.fromCharCode(...gif.subarray(0, 6))
  if (signature !== 'GIF89a' && signature !== 'GIF87a') throw new TubeletError('input', `${where}: not a GIF`)
  const comments: Uint8Array[] = []
  let at = 13 + tableBytes(byte(10))
  const subBlocks = () => {
    const parts: number[] = []
    for (; byte(at) !== 0; at += 1 + byte(at))
      for (const value of gif.subarray(at + 1, at + 1 + byte(at))) parts.push(value)
    at++
    return Uint8Array.from(parts)
  }
  while (byte(at) !== 0x3b) {
    const kind = byte(at)
    if (kind === 0x21) {
      const label = byte(at + 1)
      at += 2
      const data = subBlocks()
      if (label === 0xfe) comments.push(data)
    } else if (kind === 0x2c) {
      at += 11 + tableBytes(byte(at + 9)) // descriptor, colour table, size of codes
      subBlocks()
    } else throw new TubeletError('input', `${where}: not a GIF that can be read; byte ${at} begins no block`)
  }
  return { comments, end: at }
}
