import { InvalidArgumentError } from '@commander-js/extra-typings'
import type { Translate } from './messages/index.ts'

/** The numbers that a flag takes. */
export interface Limits {
  readonly min?: number
  readonly max?: number
}

/** A parser for flags that take a whole number: `.option('-n, --count <n>', …, wholeNumber(t, { min: 1 }), 1)`. */
export function wholeNumber(t: Translate, limits: Limits = {}): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (text.trim() === '' || !Number.isSafeInteger(value) || outside(value, limits))
      throw new InvalidArgumentError(t('usage.wholeNumber') + range(t, limits))
    return value
  }
}

/** A parser for flags that take any finite number. */
export function number(t: Translate, limits: Limits = {}): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (text.trim() === '' || !Number.isFinite(value) || outside(value, limits))
      throw new InvalidArgumentError(t('usage.number') + range(t, limits))
    return value
  }
}

/** A parser for flags that take a width and a height in pixels: 128x192. */
export function frameSize(t: Translate): (text: string) => { readonly width: number; readonly height: number } {
  return (text) => {
    const found = /^([1-9]\d{0,5})[x×]([1-9]\d{0,5})$/i.exec(text.trim())
    if (!found) throw new InvalidArgumentError(t('usage.frameSize'))
    return { width: Number(found[1]), height: Number(found[2]) }
  }
}

/** A parser for flags that take a regular expression. */
export function pattern(t: Translate): (text: string) => string {
  return (text) => {
    try {
      new RegExp(text)
      return text
    } catch {
      throw new InvalidArgumentError(t('usage.pattern'))
    }
  }
}

const outside = (value: number, { min = -Infinity, max = Infinity }: Limits) => value < min || value > max

function range(t: Translate, { min, max }: Limits): string {
  if (min === undefined) return ''
  return max === undefined ? t('usage.from', { min }) : t('usage.between', { min, max })
}
