/** Columns that a text takes on a terminal: Chinese characters and emoji take two, combining marks none. */
export function textWidth(text: string): number {
  let width = 0
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    if (/^[\p{Control}\p{Mark}\p{Default_Ignorable_Code_Point}]/u.test(segment)) continue
    width += wide.test(segment) ? 2 : 1
  }
  return width
}

const wide =
  /^(\p{Emoji_Presentation}|\p{Script=Han}|\p{Script=Hiragana}|\p{Script=Katakana}|\p{Script=Hangul}|[\u3000-\u303f\uff01-\uff60\uffe0-\uffe6])|\ufe0f/u

/** Text with blanks up to a width. */
export const padTo = (text: string, width: number, side: 'start' | 'end' = 'end'): string => {
  const blanks = ' '.repeat(Math.max(0, width - textWidth(text)))
  return side === 'start' ? blanks + text : text + blanks
}

/** Text cut to a width, the cut shown as …. */
export function cutTo(text: string, width: number): string {
  if (textWidth(text) <= width) return text
  let kept = ''
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    if (textWidth(kept + segment) > width - 1) break
    kept += segment
  }
  return `${kept}…`
}

/** Rows in columns, two blanks apart; columns whose cells below the head are all numbers are set to the right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, i) => Math.max(...[title, ...rows.map((row) => row[i])].map(textWidth)))
  const right = head.map(
    (_, i) => rows.length > 0 && rows.every((row) => /^([-–]|[\d.,]+( [KMG]i?B| B)?)$/.test(row[i])),
  )
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => padTo(cell, widths[i], right[i] ? 'start' : 'end'))
      .join('  ')
      .trimEnd()
  return [head, ...rows].map(line).join('\n')
}

/** 3,211,264 */
export const count = (n: number): string => n.toLocaleString('en-US')

/** 6.4 MB; decimal units, as disks and downloads are sold. */
export function bytes(n: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  const power = n < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(n) / 3))
  const value = n / 1000 ** power
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[power]}`
}

/** 2:05 or 1:02:05; nothing shorter than a second is told apart. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds))
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60]
  const two = (n: number) => String(n).padStart(2, '0')
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`
}

/** 2026-11-22 17:42, as in the names of runs. */
export const localTime = (date: Date): string => date.toLocaleString('sv-SE').slice(0, 16)
