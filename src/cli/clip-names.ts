import type { Recipe } from '../generate/text-to-video.ts'

/** Bytes of a file's name that a prompt may fill; most systems end at 255, and the rest of the name needs some. */
const longest = 150

/**
 * The file of each clip: {seed}, {index} and {prompt} of the pattern are filled in; where it names several alike, an
 * index is put before the ending. Names that differ in case alone are alike: on some disks they are one file.
 */
export function clipNames(pattern: string, recipes: readonly Recipe[]): string[] {
  const fill = (pattern: string) =>
    recipes.map((recipe, index) => {
      const values: Record<string, string> = {
        seed: String(recipe.seed),
        index: String(index),
        prompt: promptName(recipe.prompt),
      }
      return pattern.replace(/\{(seed|index|prompt)\}/g, (_, name: string) => values[name])
    })
  const names = fill(pattern)
  const different = new Set(names.map((name) => name.toLowerCase()))
  return different.size === names.length ? names : fill(pattern.replace(/(\.\w+)$/, '-{index}$1'))
}

/** Letters and digits of a prompt with hyphens between, cut after a whole letter; `clip` where it has none. */
function promptName(prompt: string): string {
  // Marks belong to the letter before them; those of a sign go with it.
  const words = prompt.normalize('NFC').replace(/^\p{M}+|([^\p{L}\p{M}\p{N}]\p{M}*)+/gu, '-')
  let name = ''
  let bytes = 0
  for (const { segment } of new Intl.Segmenter().segment(words)) {
    bytes += Buffer.byteLength(segment)
    if (bytes > longest) break
    name += segment
  }
  return name.replace(/^-+|-+$/g, '') || 'clip'
}
