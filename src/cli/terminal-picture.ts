import sharp from 'sharp'
import { createSupportsTerminalGraphics } from 'supports-terminal-graphics'
import { type Clip, frameOf } from '../files/clip.ts'
import type { Io } from './io.ts'

/** Height of a picture in lines of text; a half block holds two pixels. */
const rows = 16

/** Draws pictures at one place of the terminal, each over the one before. */
export interface TerminalPicture {
  show(clip: Clip, caption: string): Promise<void>
}

type Protocol = 'kitty' | 'iterm2' | 'blocks'

/** How the terminal can draw, or undefined where it cannot: no terminal, no colours, or not enough of them. */
export function pictureProtocol({ isTTY, env }: Pick<Io, 'isTTY' | 'env'>): Protocol | undefined {
  if (!isTTY || env.NO_COLOR) return undefined
  const { kitty, iterm2 } = createSupportsTerminalGraphics({ isTTY })
  if (kitty) return 'kitty'
  if (iterm2) return 'iterm2'
  return /truecolor|24bit/i.test(env.COLORTERM ?? '') ? 'blocks' : undefined
}

/** A place for pictures on stderr, below the cursor. */
export function terminalPicture({ stderr }: Pick<Io, 'stderr'>, protocol: Protocol): TerminalPicture {
  let shown = false
  return {
    async show(clip, caption) {
      const picture = await encode(clip, protocol)
      // The first picture makes room for itself; later ones go back to the top of it.
      const top = shown ? `\x1b[${rows + 1}A` : `${'\n'.repeat(rows + 1)}\x1b[${rows + 1}A`
      const below = protocol === 'blocks' ? '' : `\x1b8\x1b[${rows}B`
      stderr.write(`${top}\r${protocol === 'blocks' ? '' : '\x1b7'}${picture}${below}\r${caption}\x1b[K\n`)
      shown = true
    },
  }
}

/** The first frame of a clip in the terminal's own way of drawing. */
async function encode(clip: Clip, protocol: Protocol): Promise<string> {
  const { width, height } = clip
  const picture = sharp(frameOf(clip, 0), { raw: { width, height, channels: 4 } })
  if (protocol === 'blocks') {
    const small = picture.flatten({ background: '#ffffff' }).resize({ height: 2 * rows, width: 2 * rows, fit: 'fill' })
    return halfBlocks(await small.raw().toBuffer())
  }
  const png = (await picture.png().toBuffer()).toString('base64')
  return protocol === 'kitty' ? kittyPicture(png) : `\x1b]1337;File=inline=1;height=${rows}:${png}\x07`
}

/** Kitty's graphics protocol takes at most 4096 bytes of base64 at a time; q=2 asks for no answer. */
function kittyPicture(png: string): string {
  const parts = png.match(/.{1,4096}/g) ?? []
  return parts
    .map((part, i) => {
      const more = i < parts.length - 1 ? 1 : 0
      return `\x1b_G${i === 0 ? `a=T,f=100,q=2,C=1,i=1,r=${rows},` : ''}m=${more};${part}\x1b\\`
    })
    .join('')
}

/** RGB bytes of a square of 2 · rows pixels as lines of ▀: the upper pixel colours the sign, the lower one its ground. */
function halfBlocks(rgb: Uint8Array): string {
  const side = 2 * rows
  const colour = (x: number, y: number) => rgb.subarray(3 * (y * side + x), 3 * (y * side + x) + 3).join(';')
  const lines = Array.from({ length: rows }, (_, row) => {
    const cells = Array.from(
      { length: side },
      (_, x) => `\x1b[38;2;${colour(x, 2 * row)};48;2;${colour(x, 2 * row + 1)}m▀`,
    )
    return `${cells.join('')}\x1b[0m\x1b[K\n`
  })
  return lines.join('')
}
