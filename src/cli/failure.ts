import { CommanderError } from '@commander-js/extra-typings'
import { type ErrorCode, TubeletError } from '../errors.ts'
import { exitCodes } from './command.ts'
import type { Lang, Translate } from './messages/index.ts'
import { chineseSentence } from './messages/sentences.zh.ts'

/** How a command ended that did not succeed. */
export interface Failure {
  readonly exit: number
  /** What to print: the sentence, then hints; empty where help was asked for and has been printed. */
  readonly lines: readonly string[]
  /** The same for programs, printed under --json. */
  readonly error: { readonly code: string; readonly message: string; readonly exit: number }
}

interface Language {
  readonly lang: Lang
  readonly t: Translate
  /** Exit code of a stop by signal. */
  readonly stopped: number
}

/** Turns anything thrown into one sentence, a hint and an exit code. */
export function describeFailure(error: unknown, language: Language): Failure {
  if (error instanceof CommanderError) return usageFailure(error, language)
  const known = asTubeletError(error)
  if (!known) return bugFailure(error, language)
  const exit = known.code === 'stopped' ? language.stopped : exitCodes[known.code]
  const sentence = language.lang === 'zh' ? (chineseSentence(known.message) ?? known.message) : known.message
  const hint = hintFor(known.code, language.t)
  return {
    exit,
    lines: [`${sentence}${known.code === 'stopped' ? '' : ` [${codeName(known.code)}]`}`, ...hint],
    error: { code: codeName(known.code), message: known.message, exit },
  }
}

const codeName = (code: ErrorCode | 'bug'): string => `TUBELET_${code.toUpperCase()}`

function hintFor(code: ErrorCode, t: Translate): string[] {
  if (code === 'usage') return [t('hint.usage')]
  if (code === 'memory') return [t('hint.memory')]
  if (code === 'network') return [t('hint.network')]
  return []
}

/** Errors of Node and of the engine whose cause is outside tubelet. */
function asTubeletError(error: unknown): TubeletError | undefined {
  if (error instanceof TubeletError) return error
  if (!(error instanceof Error)) return
  const options = { cause: error }
  if (error.name === 'AbortError') return new TubeletError('stopped', 'stopped before it was done', options)
  if (/Array buffer allocation failed|bad_alloc|Failed to allocate memory/i.test(error.message))
    return new TubeletError('memory', `out of memory: ${error.message}`, options)
  const { code, path } = error as NodeJS.ErrnoException
  if (code === 'ENOSPC' || code === 'EDQUOT') return new TubeletError('input', `disk full${path ? `: ${path}` : ''}`, options)
}

function bugFailure(error: unknown, { t }: Language): Failure {
  const [message, stack] = error instanceof Error ? [`${error.name}: ${error.message}`, error.stack] : [String(error), '']
  const trace = (stack ?? '').split('\n').filter((line) => /^\s+at /.test(line))
  const exit = exitCodes.bug
  return {
    exit,
    lines: [`${message} [${codeName('bug')}]`, t('hint.bug'), ...trace],
    error: { code: codeName('bug'), message, exit },
  }
}

/** A command line that was not understood, in our own words: commander speaks English only. */
function usageFailure(error: CommanderError, language: Language): Failure {
  const helpShown = ['commander.helpDisplayed', 'commander.version'].includes(error.code)
  const noVerb = error.code === 'commander.help'
  const exit = helpShown ? exitCodes.done : exitCodes.usage
  const message = usageSentence(error, language)
  const report = { code: codeName('usage'), message, exit }
  if (helpShown || noVerb) return { exit, lines: [], error: report }
  return { exit, lines: [`${message} [${codeName('usage')}]`, language.t('hint.usage')], error: report }
}

function usageSentence({ code, message }: CommanderError, { t }: Language): string {
  const [given = '', value = ''] = [...message.matchAll(/'([^']*)'/g)].map(([, inside]) => inside)
  const like = /\(Did you mean (?:one of )?(.+)\?\)/.exec(message)?.[1]
  const suggestion = like ? t('usage.didYouMean', { like }) : ''
  switch (code) {
    case 'commander.unknownOption':
      return t('usage.unknownOption', { given }) + suggestion
    case 'commander.unknownCommand':
      return t('usage.unknownCommand', { given }) + suggestion
    case 'commander.missingArgument':
      return t('usage.missingArgument', { given })
    case 'commander.optionMissingArgument':
      return t('usage.optionMissingArgument', { given })
    case 'commander.missingMandatoryOptionValue':
      return t('usage.missingOption', { given })
    case 'commander.conflictingOption':
      return t('usage.conflictingOption', { given, other: value })
    case 'commander.excessArguments': {
      const [, expected, got] = /Expected (\d+) arguments? but got (\d+)/.exec(message) ?? []
      return t('usage.excessArguments', { expected: expected ?? '?', got: got ?? '?' })
    }
    case 'commander.invalidArgument': {
      const [, choices] = /Allowed choices are (.+)\./.exec(message) ?? []
      const why = choices ? t('usage.choices', { choices }) : (/is invalid\. ?(.*)$/s.exec(message)?.[1] ?? '')
      return t('usage.invalidArgument', { given, value, why })
    }
    default:
      return message.replace(/^error: /, '')
  }
}
