/** Where text goes: a stream of the process, or an array in a test. */
export interface Output {
  write(text: string | Uint8Array): unknown
  readonly columns?: number // of the terminal, absent elsewhere
}

/** All that a command sees of the process, handed in so that tests run commands without starting one. */
export interface Io {
  /** The result and nothing else. */
  readonly stdout: Output
  /** Progress, notes and errors. */
  readonly stderr: Output
  readonly stdin: AsyncIterable<Uint8Array | string>
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  /** stderr is a terminal on which a line can be drawn again. */
  readonly isTTY: boolean
  /** Asks long work to finish its step and stop; the reason is the signal's name, 'SIGINT' or 'SIGTERM'. */
  readonly signal: AbortSignal
}

/** Puts text in colours, or leaves it as it is: a colour never says what the words do not. */
export interface Paint {
  red(text: string): string
  yellow(text: string): string
  green(text: string): string
  dim(text: string): string
  bold(text: string): string
}

/** Colours for stderr; none where it is no terminal or NO_COLOR (no-color.org) is set, always with FORCE_COLOR. */
export function paint({ env, isTTY }: Pick<Io, 'env' | 'isTTY'>): Paint {
  const on = env.NO_COLOR ? false : isTTY || Boolean(env.FORCE_COLOR)
  const code = (start: number, end: number) => (text: string) => (on ? `\x1b[${start}m${text}\x1b[${end}m` : text)
  return { red: code(31, 39), yellow: code(33, 39), green: code(32, 39), dim: code(2, 22), bold: code(1, 22) }
}
