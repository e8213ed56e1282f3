/** What must be known before the arguments are understood. */
export interface EarlyFlags {
  readonly lang?: string // of messages
  readonly json: boolean // errors too
  readonly quiet: boolean
}

/** Reads the flags that even an error, or a word about a signal, depends on. */
export function earlyFlags(argv: readonly string[]): EarlyFlags {
  const end = argv.indexOf('--')
  const before = end < 0 ? argv : argv.slice(0, end)
  const at = before.lastIndexOf('--lang')
  const joined = before.findLast((word) => word.startsWith('--lang='))
  return {
    lang: joined?.slice('--lang='.length) ?? (at < 0 ? undefined : before[at + 1]),
    json: before.includes('--json'),
    quiet: before.includes('-q') || before.includes('--quiet'),
  }
}
