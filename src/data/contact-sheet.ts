import sharp from 'sharp'
import { TubeletError } from '../errors.ts'
import type { Clip } from '../files/clip.ts'
import { frameOf } from '../files/clip.ts'
import { writeFileAtomic } from '../files/disk.ts'

/** One sample of a contact sheet. */
export interface SheetCell {
  clip: Clip
  /** Lines of text below the pictures. */
  lines: string[]
}

/** Red, green and blue behind a picture. */
type Ground = readonly [number, number, number]

const white: Ground = [255, 255, 255]
const dark: Ground = [24, 24, 27]
const pink: Ground = [208, 96, 160]

/**
 * What is shown of a sample: rows of frames, evenly over the loop, each with the ground behind it, as edges that are
 * clean on one may not be on another.
 */
const sheetLayouts = {
  three: [[white, dark, pink]],
  'four on two': [new Array<Ground>(4).fill(white), new Array<Ground>(4).fill(dark)],
} as const satisfies Record<string, readonly (readonly Ground[])[]>

/** How a contact sheet is laid out. */
interface SheetOptions {
  /** Samples side by side; default 5. */
  columns?: number
  layout?: keyof typeof sheetLayouts
}

const gap = 8
const lineHeight = 13

/**
 * Draws samples as a PNG: of each some frames, by default three on white, dark and pink, above its text.
 * Chinese needs a font of the machine that has it; without one its characters are boxes.
 */
export async function contactSheet(
  cells: SheetCell[],
  { columns = 5, layout = 'three' }: SheetOptions = {},
): Promise<Uint8Array> {
  const rows: readonly (readonly Ground[])[] = sheetLayouts[layout]
  const { width, height } = cells[0].clip
  const lines = Math.max(...cells.map((cell) => cell.lines.length))
  const pictures = rows.length * height
  const cell = { width: rows[0].length * width + gap, height: pictures + lines * lineHeight + gap }
  const across = Math.min(columns, cells.length)
  const page = { width: across * cell.width + gap, height: Math.ceil(cells.length / across) * cell.height + gap }
  const pixels = new Uint8Array(page.width * page.height * 3).fill(240)
  const text: string[] = []
  cells.forEach(({ clip, lines }, i) => {
    const left = gap + (i % across) * cell.width
    const top = gap + Math.floor(i / across) * cell.height
    rows.forEach((grounds, row) => {
      grounds.forEach((ground, g) => {
        const frame = frameOf(clip, Math.floor((g * clip.count) / grounds.length))
        const at = { left: left + g * width, top: top + row * height }
        paint(frame, pixels, { width, ...at, across: page.width, ground })
      })
    })
    lines.forEach((line, l) => {
      text.push(
        `<text x="${left}" y="${top + pictures + (l + 1) * lineHeight - 2}">${escapeXml(fit(line, cell.width - gap))}</text>`,
      )
    })
  })
  const style = `font-family="sans-serif" font-size="${lineHeight - 3}" fill="#222"`
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${page.width}" height="${page.height}"><g ${style}>${text.join('')}</g></svg>`
  const png = await sharp(pixels, { raw: { ...page, channels: 3 } })
    .composite([{ input: Buffer.from(svg) }])
    .png()
    .toBuffer()
  return new Uint8Array(png.buffer, png.byteOffset, png.length)
}

/** What became of a contact sheet. */
export interface WrittenSheet {
  /** Its file, where one was written. */
  sheet?: string
  /** Why it could not be written. */
  noSheet?: string
}

/** Writes a contact sheet; where it cannot be written, what was worked out for it is still to be told, so nothing is thrown. */
export async function writeContactSheet(
  path: string,
  ...drawn: Parameters<typeof contactSheet>
): Promise<WrittenSheet> {
  try {
    await writeFileAtomic(path, await contactSheet(...drawn))
    return { sheet: path }
  } catch (error) {
    if (!(error instanceof TubeletError) || error.code !== 'input') throw error
    return { noSheet: error.message }
  }
}

interface Place {
  width: number
  left: number
  top: number
  /** Width of the page. */
  across: number
  ground: Ground
}

/** Composites one frame of straight RGBA over a ground into the page. */
function paint(frame: Uint8Array, page: Uint8Array, { width, left, top, across, ground }: Place): void {
  for (let p = 0; p < frame.length / 4; p++) {
    const to = ((top + Math.floor(p / width)) * across + left + (p % width)) * 3
    const alpha = frame[p * 4 + 3] / 255
    for (let c = 0; c < 3; c++) page[to + c] = Math.round(frame[p * 4 + c] * alpha + ground[c] * (1 - alpha))
  }
}

/** As much of a line as a width in pixels can show, when a letter takes 0.55 of the font size and a Chinese one all of it. */
function fit(line: string, width: number): string {
  let room = width / (lineHeight - 3)
  let end = 0
  for (const letter of line) {
    room -= letter.codePointAt(0)! > 0x2e80 ? 1 : 0.55
    if (room < 0) return `${line.slice(0, Math.max(0, end - 1))}…`
    end += letter.length
  }
  return line
}

/** Characters that XML 1.0 does not allow, not even escaped: most control characters, lone surrogates, U+FFFE and U+FFFF. */
const notXml = /[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu

function escapeXml(text: string): string {
  return text.replace(notXml, ' ').replace(/[&<>"']/g, (letter) => `&#${letter.charCodeAt(0)};`)
}
