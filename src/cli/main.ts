import { Command, Option } from '@commander-js/extra-typings'
import { exitCodes, type GlobalOptions, makeShell } from './command.ts'
import { commands } from './commands.ts'
import { earlyFlags } from './early-flags.ts'
import { describeFailure } from './failure.ts'
import { type Io, paint } from './io.ts'
import { chooseLanguage, type Lang, languages, type MessageKey, type Translate, translator } from './messages/index.ts'
import { packageVersion } from './package.ts'

/** Runs one command line, `['doctor', '--json']`, and returns its exit code; never throws and never ends the process. */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  const flags = earlyFlags(argv)
  const lang = chooseLanguage(flags.lang, io.env)
  const t = translator(lang)
  let code: number = exitCodes.done
  try {
    const program = makeProgram(io, { lang, t, exit: (given) => (code = given) })
    await program.parseAsync(asArguments(argv), { from: 'user' })
    // A command that was asked to stop and did so in good order still says so to whoever waits for it.
    return io.signal.aborted && code === exitCodes.done ? stoppedCode(io) : code
  } catch (error) {
    const failure = describeFailure(error, { lang, t, stopped: stoppedCode(io), help: helpFor(argv) })
    if (failure.lines.length === 0) return failure.exit
    const [first, ...rest] = failure.lines
    const { red, yellow, dim } = paint(io)
    const label = failure.exit === stoppedCode(io) ? yellow(t('frame.stopped')) : red(t('frame.error'))
    io.stderr.write(`${label}${first}\n${rest.map((line) => `${dim(line)}\n`).join('')}`)
    if (flags.json) io.stdout.write(`${JSON.stringify({ error: failure.error })}\n`)
    return failure.exit
  }
}

const stoppedCode = (io: Io): number => (io.signal.reason === 'SIGTERM' ? exitCodes.SIGTERM : exitCodes.SIGINT)

/** The command line that explains the verb in use. */
function helpFor(argv: readonly string[]): string {
  const verb = argv.find((word) => word in commands)
  return verb ? `tubelet ${verb} --help` : 'tubelet --help'
}

/** `tubelet` and `tubelet help VERB` are other ways to write `--help`. */
function asArguments(argv: readonly string[]): string[] {
  if (argv.length === 0) return ['--help']
  return argv[0] === 'help' ? [...argv.slice(1), '--help'] : [...argv]
}

interface Language {
  lang: Lang
  t: Translate
}

/** All verbs with the flags that they share; the file of a verb is loaded before its own flags are read. */
export function makeProgram(io: Io, { lang, t, exit }: Language & { exit: (code: number) => void }): Command {
  const program = new Command('tubelet')
  program
    .description(t('frame.about'))
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      getOutHelpWidth: () => io.stdout.columns ?? 80,
      getErrHelpWidth: () => io.stderr.columns ?? 80,
      outputError: () => {}, // told by `main`, in the chosen language
    })
    .configureHelp({ showGlobalOptions: true, styleTitle: (title) => helpTitle(title, t) })
    .version(packageVersion(), '-V, --version', t('frame.version'))
    .helpOption('-h, --help', t('frame.help'))
    .helpCommand(false)
    .addOption(new Option('--lang <language>', t('frame.lang')).choices(languages))
    .option('--json', t('frame.json'))
    .option('-q, --quiet', t('frame.quiet'))
    .option('-v, --verbose', t('frame.verbose'))
    .addHelpText('after', () => `\n${t('frame.examples')}`)
  for (const name of Object.keys(commands) as (keyof typeof commands)[]) {
    program
      .command(name)
      .description(t(`${name}.summary`))
      .helpOption('-h, --help', t('frame.help'))
  }
  const shell = () => makeShell(io, { lang, t }, program.opts() as GlobalOptions)
  program.hook('preSubcommand', async (_, chosen) => {
    const file = await commands[chosen.name() as keyof typeof commands]()
    file.attach(chosen as Command, { t, shell, exit })
  })
  return program
}

const titles: Readonly<Record<string, MessageKey & `help.${string}`>> = {
  'Usage:': 'help.usage',
  'Arguments:': 'help.arguments',
  'Options:': 'help.options',
  'Global Options:': 'help.globalOptions',
  'Commands:': 'help.commands',
}

const helpTitle = (title: string, t: Translate): string => (titles[title] ? t(titles[title]) : title)
