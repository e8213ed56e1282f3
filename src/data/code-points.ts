/**
 * The key of a concept: its code points in lower-case hex joined by '-', without the variation selector fe0f, without
 * leading zeros, and with the cancel tag e007f that ends a sub-region flag. It is equal for every spelling that the
 * drawing packages use: `0023-FE0F-20E3`, `23-20e3`; `1f3f4-e0067_e0062_…`.
 */
export function conceptKey(name: string): string {
  const points = name
    .toLowerCase()
    .split(/[-_]/)
    .map((point) => point.replace(/^0+(?=.)/, ''))
    .filter((point) => point !== 'fe0f')
  if (isTag(points.at(-1)) && points.at(-1) !== 'e007f') points.push('e007f')
  return points.join('-')
}

const isTag = (point: string | undefined) => point !== undefined && /^e00[2-7][0-9a-f]$/.test(point)

/** Whether a string is a sequence of code points in hex, such as `1f44b-1f3fb`. */
export function isCodePoints(name: string): boolean {
  return /^[0-9a-f]{1,6}([-_][0-9a-f]{1,6})*$/i.test(name)
}

/** Whether a key asks for one of the five skin tones. */
export function hasSkinTone(key: string): boolean {
  return key.split('-').some((point) => /^1f3f[b-f]$/.test(point))
}

/** Whether a key is the flag of a country or of a part of one: regional indicators, or tags after a black flag. */
export function isCountryFlag(key: string): boolean {
  return /^1f1(e[6-9a-f]|f[0-9a-f])-/.test(key) || /^1f3f4-e00/.test(key)
}

/** Of each 100 concepts, how many are held out for evaluation. */
const heldOutPercent = 5

/** The part of the data that a concept belongs to. */
export type Split = 'train' | 'held-out'

/**
 * The split of a concept, the same for every clip, still and drawing style of it: FNV-1a of the key, mixed by the
 * finalizer of MurmurHash3, modulo 100, is below 5. It depends on nothing but the key, so it never moves.
 */
export function splitOf(key: string): Split {
  let hash = 0x811c9dc5
  for (const letter of key) hash = Math.imul(hash ^ letter.charCodeAt(0), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return ((hash ^ (hash >>> 16)) >>> 0) % 100 < heldOutPercent ? 'held-out' : 'train'
}
