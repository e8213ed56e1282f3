import { CommanderError } from '@commander-js/extra-typings'
import { type ErrorCode, stoppedError, TubeletError } from '../errors.ts'
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

interface Setting {
  readonly lang: Lang
  readonly t: Translate
  /** Exit code of a stop by signal. */
  readonly stopped: number
  /** The command line that shows the help for what was tried. */
  readonly help: string
}

/** Turns anything thrown into one sentence, a hint and an exit code. */
export function describeFailure(error: unknown, setting: Setting): Failure {
  if (error instanceof CommanderError) return usageFailure(error, setting)
  const known = asTubeletError(error)
  if (!known) return bugFailure(error, setting)
  const exit = known.code === 'stopped' ? setting.stopped : exitCodes[known.code]
  const sentence = setting.lang === 'zh' ? (chineseSentence(known.message) ?? known.message) : known.message
  const hint = hintFor(known.code, setting)
  return {
    exit,
    lines: [`${sentence}${known.code === 'stopped' ? '' : ` [${codeName(known.code)}]`}`, ...hint],
    error: { code: codeName(known.code), message: known.message, exit },
  }
}

const codeName = (code: ErrorCode | 'bug'): string => `TUBELET_${code.toUpperCase()}`

function hintFor(code: ErrorCode, { t, help }: Setting): string[] {
  if (code === 'usage') return [t('hint.usage', { help })]
  if (code === 'memory') return [t('hint.memory')]
  if (code === 'network') return [t('hint.network')]
  return []
}

/** Errors of Node and of the engine whose cause is outside tubelet. */
export function asTubeletError(error: unknown): TubeletError | undefined {
  if (error instanceof TubeletError) return error
  if (!(error instanceof Error)) return
  // What went wrong while something was closed after an error matters less than that error.
  if (error.name === 'SuppressedError' && 'suppressed' in error) return asTubeletError(error.suppressed)
  const options = { cause: error }
  if (error.name === 'AbortError') return stoppedError(options)
  if (
    /Array buffer allocation failed|Invalid typed array length|bad_alloc|Failed to allocate memory/i.test(error.message)
  )
    return new TubeletError('memory', `out of memory: ${error.message}`, options)
  const { code, path } = error as NodeJS.ErrnoException
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new TubeletError('input', `disk full: ${path ?? error.message}`, options)
}

function bugFailure(error: unknown, { t }: Setting): Failure {
  const [message, stack] =
    error instanceof Error ? [`${error.name}: ${error.message}`, error.stack] : [String(error), '']
  const trace = (stack ?? '').split('\n').filter((line) => /^\s+at /.test(line))
  const exit = exitCodes.bug
  return {
    exit,
    lines: [`${message} [${codeName('bug')}]`, t('hint.bug'), ...trace],
    error: { code: codeName('bug'), message, exit },
  }
}

/** A command line that was not understood, in our own words: commander speaks English only. */
function usageFailure(error: CommanderError, setting: Setting): Failure {
  const helpShown = ['commander.helpDisplayed', 'commander.version'].includes(error.code)
  const noVerb = error.code === 'commander.help'
  const exit = helpShown ? exitCodes.done : exitCodes.usage
  const message = usageSentence(error, setting)
  const report = { code: codeName('usage'), message, exit }
  if (helpShown || noVerb) return { exit, lines: [], error: report }
  return {
    exit,
    lines: [`${message} [${codeName('usage')}]`, setting.t('hint.usage', { help: setting.help })],
    error: report,
  }
}

function usageSentence({ code, message }: CommanderError, { t }: Setting): string {
  const [given = '', other = ''] = [...message.matchAll(/'([^']*)'/g)].map(([, inside]) => inside)
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
      return t('usage.conflictingOption', { given, other })
    case 'commander.excessArguments': {
      const [, expected = '?', got = '?'] = /Expected (\d+) arguments? but got (\d+)/.exec(message) ?? []
      return t('usage.excessArguments', { expected, got })
    }
    case 'commander.invalidArgument':
      return invalidSentence(message, t)
    default:
      return message.replace(/^error: /, '')
  }
}

function invalidSentence(message: string, t: Translate): string {
  const [, given = '', value = '', reason = ''] =
    /^error: option '(.*?)' argument '(.*)' is invalid\. ?(.*)$/s.exec(message) ?? []
  const choices = /^Allowed choices are (.+)\.$/.exec(reason)?.[1]
  return t('usage.invalidArgument', {
    given: given.replace(/ [<[].*/, ''),
    value,
    why: choices ? t('usage.choices', { choices }) : reason,
  })
}
