import { resolve } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import type { Command, OptionValues } from '@commander-js/extra-typings'
import { type Io, type Paint, paint } from './io.ts'
import type { Lang, Translate } from './messages/index.ts'
import { chineseSentence } from './messages/sentences.zh.ts'

// How to add a command, `tubelet count FILE --limit N`:
//
// 1. `src/cli/count.ts` exports it:
//
//      export const countCommand = command({
//        define: (command, t) =>
//          command
//            .argument('<file>', t('count.file'))
//            .option('-l, --limit <n>', t('count.limit'), wholeNumber(t, { min: 1 }), 10),
//        async run([file], { limit }, shell) {          // types follow from `define`
//          const lines = await countLines(shell.path(file), limit, shell.io.signal)
//          shell.result({ lines }, `${lines}`)          // stdout: the object under --json, else the text
//        },
//      })
//
// 2. `commands.ts` gets the line `count: async () => (await import('./count.ts')).countCommand`, so that its code is
//    loaded only when it is asked for.
// 3. `messages/en.ts` and `zh.ts` get `count.summary` and the texts that it uses.
//
// `run` returns nothing for done, or an exit code of `exitCodes`. A mistake of the user is a thrown TubeletError: its
// code is the exit code, its sentence is printed, in Chinese where `messages/sentences.zh.ts` knows it. Long work takes
// `shell.io.signal`, and throws TubeletError('stopped') once what it has is saved. Notes go to `shell.say`, a progress
// line to `progress(shell, …)`; nothing but `shell.result` and pictures asked for on stdout writes there.
// A test calls `runCli(['count', 'a.txt'])` of test/cli.ts; no process is started.

/** What a number at the end of a process means. */
export const exitCodes = {
  done: 0,
  bug: 1,
  usage: 2,
  input: 3,
  numeric: 4,
  memory: 5,
  network: 6,
  unmet: 10, // a limit that the user set was not kept: `verify --tolerance`, `evaluate --fail-if`
  SIGINT: 130,
  SIGTERM: 143,
} as const

/** What a command uses to speak and to read its surroundings. */
export interface Shell {
  readonly io: Io
  readonly t: Translate
  readonly lang: Lang
  readonly paint: Paint
  readonly json: boolean
  readonly quiet: boolean
  readonly verbose: boolean
  /** Prints the result on stdout: the value as one JSON object under --json, else the text. */
  result(value: object, text: string): void
  /** A line on stderr, unless --quiet. */
  say(line: string): void
  /** A line on stderr, under --verbose only. */
  detail(line: string): void
  /** An English sentence of the library in the language of the messages, where that is known. */
  sentence(english: string): string
  /** The absolute path of what the user named. */
  path(name: string): string
}

/** A command as the frame sees it: it adds itself to a parsed command line and reports its exit code. */
export interface CommandFile {
  attach(to: Command, frame: Frame): void
}

/** What the frame gives to the command that was chosen. */
export interface Frame {
  readonly t: Translate
  /** Made once the global flags are known. */
  shell(): Shell
  exit(code: number): void
}

/** A command: its arguments and flags, and what it does with them. */
export function command<Args extends unknown[], Options extends OptionValues>(file: {
  define: (command: Command, t: Translate) => Command<Args, Options>
  run: (args: Args, options: Options, shell: Shell) => Promise<number | undefined>
}): CommandFile {
  return {
    attach(to, frame) {
      // The types of commander give an action its arguments one by one, which a generic list of them cannot follow.
      const defined = file.define(to, frame.t) as unknown as Command
      defined.action(async (...given: unknown[]) => {
        const args = given.slice(0, -2) as Args
        const code = await file.run(args, given.at(-2) as Options, frame.shell())
        frame.exit(code ?? exitCodes.done)
      })
    },
  }
}

/** Commands under a common word: `tubelet data build`, `tubelet data inspect`; their summaries are `WORD.NAME.summary`. */
export function group(
  children: Readonly<Record<string, { summary: (t: Translate) => string; command: CommandFile }>>,
): CommandFile {
  return {
    attach(to, frame) {
      for (const [name, child] of Object.entries(children)) {
        child.command.attach(to.command(name).description(child.summary(frame.t)), frame)
      }
    },
  }
}

/** The flags that every command has. */
export interface GlobalOptions {
  json?: true
  quiet?: true
  verbose?: true
}

/** Colours are for terminals: `paint` looks at stderr, and a result may go to a file. */
const plainInFiles = (text: string, { stdout, env }: Io): string =>
  stdout.columns === undefined && !env.FORCE_COLOR ? stripVTControlCharacters(text) : text

/** The shell of one run of the command line. */
export function makeShell(io: Io, { t, lang }: { t: Translate; lang: Lang }, options: GlobalOptions): Shell {
  const { json = false, quiet = false, verbose = false } = options
  return {
    io,
    t,
    lang,
    paint: paint(io),
    json,
    quiet,
    verbose,
    result: (value, text) => io.stdout.write(`${json ? JSON.stringify(value) : plainInFiles(text, io)}\n`),
    say: (line) => quiet || io.stderr.write(`${line}\n`),
    detail: (line) => verbose && io.stderr.write(`${line}\n`),
    sentence: (english) => (lang === 'zh' ? (chineseSentence(english) ?? english) : english),
    path: (name) => resolve(io.cwd, name),
  }
}
