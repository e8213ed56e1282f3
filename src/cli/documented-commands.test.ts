import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Command, CommanderError } from '@commander-js/extra-typings'
import { recordingIo } from '../../test/cli.ts'
import { commands } from './commands.ts'
import { makeProgram } from './main.ts'
import { translator } from './messages/index.ts'

test('every command that the documentation, recipes and reproductions tell is one that the command line reads', async () => {
  const told = documented()
  assert.ok(told.length > 150, `only ${told.length} commands found`)
  const wrong: string[] = []
  for (const { file, words } of told) {
    const problem = await problemOf(words)
    if (problem) wrong.push(`${file}: tubelet ${words.join(' ')}: ${problem}`)
  }
  assert.deepEqual(wrong, [])
})

test('a wrong flag, choice or number in such a command is seen', async () => {
  assert.equal(await problemOf(['data', 'build', 'emoji', '--styles', 'fluent', '3d', '-o', 'x']), undefined)
  assert.match((await problemOf(['data', 'build', 'emoji', '--styles', 'fluent,3d'])) ?? '', /styles/)
  assert.match((await problemOf(['train', 'emoji-vit', '--step', '5'])) ?? '', /--step/)
  assert.match((await problemOf(['train', 'emoji-vit', '--steps', 'many'])) ?? '', /steps/)
  assert.match((await problemOf(['doctor', 'twice'])) ?? '', /arguments/)
})

/** Why the command line would not read some words, if so; an argument may be left out, as where a verb is only named. */
async function problemOf(words: readonly string[]): Promise<string | undefined> {
  const program = makeProgram(recordingIo().io, { lang: 'en', t: translator('en'), exit: () => {} })
  program.hook('preSubcommand', (_, chosen) => idle(chosen as Command))
  try {
    await program.parseAsync(words, { from: 'user' })
  } catch (error) {
    const read = error instanceof CommanderError && error.code === 'commander.missingArgument'
    if (!read) return (error as Error).message
  }
}

/** Takes the doing out of a command and of those below it. */
function idle(command: Command) {
  for (const below of command.commands) idle(below as Command)
  if (command.commands.length === 0) command.action(() => {})
}

/** Every command line in the code of a Markdown file or in backquotes of a comment, cut into words. */
function documented(): { file: string; words: string[] }[] {
  const verb = new RegExp(`(?:^|[ ;&(])tubelet ((?:${Object.keys(commands).join('|')})(?![\\w-]).*)`)
  const files = [
    ...readdirSync('.').filter((name) => name.endsWith('.md')),
    ...['docs', 'recipes', 'reproductions', 'src/models'].flatMap((folder) =>
      readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name)),
    ),
  ].filter((name) => /\.(md|ts)$/.test(name))
  return files.flatMap((file) => {
    const text = readFileSync(file, 'utf8').replaceAll('\r', '')
    const blocks = [...text.matchAll(/```sh\n(.*?)```/gs)].flatMap(([, block]) =>
      block.replaceAll('\\\n', ' ').split('\n'),
    )
    const spans = [...text.replace(/```.*?```/gs, '').matchAll(/`([^`\n]+)`/g)].map(([, span]) => span)
    return [...blocks, ...spans].flatMap((line) =>
      line.split(/&&|\|/).flatMap((part) => {
        const found = verb.exec(part)
        return found ? [{ file, words: wordsOf(found[1]) }] : []
      }),
    )
  })
}

/** The words of a shell line, up to a comment or a redirection. */
const wordsOf = (line: string): string[] =>
  [...line.replace(/\s[#>].*$/, '').matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(([, a, b, c]) => a ?? b ?? c)
