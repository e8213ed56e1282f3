import { TubeletError } from '../errors.ts'
import type { Run } from '../train/recipe.ts'
import { asTubeletError } from './failure.ts'

/** Calls code of a recipe's file; what it throws, now or later, becomes a TubeletError that names the line. */
export function placed<T>(path: string, call: () => T): T {
  try {
    const result = call()
    return result instanceof Promise ? (result.catch((error) => fail(error, path)) as T) : result
  } catch (error) {
    return fail(error, path)
  }
}

function fail(error: unknown, path: string): never {
  const { name, message, stack = '' } = error instanceof Error ? error : new Error(String(error))
  const known = error instanceof TubeletError
  if (name === 'AbortError' || (known && (error.code === 'stopped' || message.includes(path)))) throw error
  if (!known && asTubeletError(error)) throw error // for want of memory or disk, which is no fault of the recipe
  const begin = stack.indexOf(`${path}:`)
  const line = begin < 0 ? undefined : /^:\d+/.exec(stack.slice(begin + path.length))?.[0]
  const said = known || name === 'Error' ? message : `${name}: ${message}`
  const sentence = `${path}${line ?? ''}: ${said.split('\n')[0].trim()}`
  throw new TubeletError(known ? error.code : 'input', sentence, { cause: error })
}

/** A prepared run whose fields are what they must be and whose functions name the recipe's line when they fail. */
export function checkedRun(path: string, run: Run): Run {
  const problem = problemOf(run)
  if (problem) throw new TubeletError('input', `${path}: what 'prepare' gives ${problem}`)
  const fields = Object.entries(run).map(([name, field]) => {
    if (typeof field !== 'function') return [name, field]
    return [name, (...args: unknown[]) => placed(path, () => field.apply(run, args))]
  })
  return Object.fromEntries(fields)
}

function problemOf(run: Partial<Run> | undefined): string | undefined {
  if (typeof run !== 'object' || run === null) return `must be a run, not ${run}`
  const isWhole = (value: unknown, least: number) => Number.isSafeInteger(value) && (value as number) >= least
  if (typeof run.name !== 'string') return "must have a 'name'"
  for (const name of ['build', 'batch', 'lr'] as const)
    if (typeof run[name] !== 'function') return `must have a function '${name}'`
  for (const name of ['steps', 'samples'] as const)
    if (!isWhole(run[name], 1)) return `must have '${name}', a whole number from 1 up, not ${run[name]}`
  if (!isWhole(run.seed, 0)) return `must have a 'seed', a whole number from 0 up, not ${run.seed}`
  if (run.accumulate !== undefined && !isWhole(run.accumulate, 1))
    return `must have a whole number from 1 up as 'accumulate', not ${run.accumulate}`
}
