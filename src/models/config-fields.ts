import { TubeletError } from '../errors.ts'

/** The fields of a published `config.json`; a value that does not fit is an error that names class, field and value. */
export interface ConfigFields {
  /** A whole number ≥ 1. */
  count(name: string, fallback?: number): number
  /** Any finite number. */
  number(name: string, fallback?: number): number
  flag(name: string, fallback?: boolean): boolean
  /** One of some texts. */
  oneOf<T extends string>(name: string, allowed: readonly T[], fallback?: T): T
  /** A list of whole numbers ≥ 1, of `length` where that is given; a single number stands for a list of equal ones. */
  counts(name: string, fallback?: readonly number[], length?: number): readonly number[]
  /** A list of numbers. */
  numbers(name: string, fallback?: readonly number[]): readonly number[]
  /** A list of truth values. */
  flags(name: string, fallback?: readonly boolean[]): readonly boolean[]
  /** A list of texts out of some. */
  texts<T extends string>(name: string, allowed: readonly T[], fallback?: readonly T[]): readonly T[]
  /** The fields of a nested object; one without fields where it is absent. */
  object(name: string): ConfigFields
  /** The value as it is; null is not the same as absent. */
  raw(name: string): unknown
  /** Throws where an option has another value than the one that is supported; absent means `fallback`, or the same. */
  only(name: string, supported: unknown, fallback?: unknown): void
  /** The error of a value that does not fit. */
  wrong(name: string, must: string): TubeletError
}

/** Reads the fields of a config of class `model`. */
export function configFields(model: string, json: unknown, path = ''): ConfigFields {
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw new TubeletError('input', `${model}: ${path || 'the config'} must be a JSON object`)
  const values = json as Record<string, unknown>
  const raw = (name: string) => (Object.hasOwn(values, name) ? values[name] : undefined)
  const wrong = (name: string, must: string) => {
    const found = raw(name) === undefined ? 'is missing' : `is ${brief(raw(name))}`
    return new TubeletError('input', `${model}: '${path}${name}' ${found}; it must be ${must}`)
  }
  const read = <T>(name: string, fallback: T | undefined, { is, must }: Kind<T>): T => {
    const value = raw(name) ?? fallback
    if (!is(value)) throw wrong(name, must)
    return value
  }
  const fields: ConfigFields = {
    count: (name, fallback) => read(name, fallback, count),
    number: (name, fallback) => read(name, fallback, number),
    flag: (name, fallback) => read(name, fallback, flag),
    oneOf: (name, allowed, fallback) => read(name, fallback, oneOf(allowed)),
    counts(name, fallback, length) {
      const value = raw(name)
      const list = count.is(value) && length ? new Array<number>(length).fill(value) : (value ?? fallback)
      const kind = listOf(count, 'whole numbers', length)
      if (!kind.is(list)) throw wrong(name, kind.must)
      return list
    },
    numbers: (name, fallback) => read(name, fallback, listOf(number, 'numbers')),
    flags: (name, fallback) => read(name, fallback, listOf(flag, 'truth values')),
    texts: (name, allowed, fallback) =>
      read(name, fallback, listOf(oneOf(allowed), `texts out of ${allowed.join(', ')}`)),
    object: (name) => configFields(model, raw(name) ?? {}, `${path}${name}.`),
    raw,
    only(name, supported, fallback = supported) {
      const value = raw(name) === undefined ? fallback : raw(name)
      if (JSON.stringify(value ?? null) !== JSON.stringify(supported ?? null))
        throw wrong(name, `${brief(supported)}, as other values are not supported`)
    },
    wrong,
  }
  return fields
}

/** Number of classes: entries of `id2label`, else `num_labels`, else 2, as transformers counts them. */
export function classesOf(c: ConfigFields, fallback = 2): number {
  const labels = c.raw('id2label')
  return typeof labels === 'object' && labels !== null ? Object.keys(labels).length : c.count('num_labels', fallback)
}

interface Kind<T> {
  readonly is: (value: unknown) => value is T
  readonly must: string
}

const count: Kind<number> = {
  is: (value): value is number => Number.isSafeInteger(value) && (value as number) >= 1,
  must: 'a whole number above 0',
}
const number: Kind<number> = { is: (value): value is number => Number.isFinite(value), must: 'a number' }
const flag: Kind<boolean> = { is: (value): value is boolean => typeof value === 'boolean', must: 'true or false' }
const oneOf = <T extends string>(allowed: readonly T[]): Kind<T> => ({
  is: (value): value is T => allowed.includes(value as T),
  must: allowed.length === 1 ? `'${allowed[0]}'` : `one of ${allowed.join(', ')}`,
})
const listOf = <T>({ is }: Kind<T>, what: string, length?: number): Kind<readonly T[]> => ({
  is: (value): value is readonly T[] =>
    Array.isArray(value) && value.every(is) && (length === undefined || value.length === length),
  must: `a list of ${length === undefined ? '' : `${length} `}${what}`,
})

const brief = (value: unknown) => {
  const text = JSON.stringify(value) ?? 'null'
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}
