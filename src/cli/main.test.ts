import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { recordingIo, runCli } from '../../test/cli.ts'
import { TubeletError } from '../errors.ts'
import { command, exitCodes, makeShell } from './command.ts'
import { commands } from './commands.ts'
import { describeFailure } from './failure.ts'
import { main } from './main.ts'
import { translator } from './messages/index.ts'

test('help lists every command on stdout, in the language asked for, and is no error', async () => {
  for (const argv of [[], ['--help'], ['help']]) {
    const { code, out, err } = await runCli(argv)
    assert.equal(code, 0)
    assert.equal(err, '')
    for (const name of Object.keys(commands)) assert.match(out, new RegExp(`^  ${name} `, 'm'))
    assert.match(out, /^Usage: tubelet /)
  }
  assert.match((await runCli(['--help', '--lang', 'zh'])).out, /^用法： tubelet [\s\S]*命令：/)
  assert.match((await runCli(['--help'], { env: { LANG: 'zh_CN.UTF-8' } })).out, /^用法：/)
  assert.match((await runCli(['--help', '--lang=en'], { env: { LANG: 'zh_CN.UTF-8' } })).out, /^Usage:/)
})

test('help of a command and of a command in a group explains its flags and the general ones', async () => {
  for (const argv of [
    ['help', 'data', 'build', 'folder'],
    ['data', 'build', 'emoji', '--help'],
  ]) {
    const { code, out } = await runCli(argv)
    assert.equal(code, 0)
    assert.match(out, /--frames <n>[\s\S]*Options of every command:[\s\S]*--json/)
  }
})

test('an unknown command or flag offers the nearest one, on stderr, with exit code 2', async () => {
  const cases: [string[], RegExp][] = [
    [['docter'], /^error: unknown command 'docter'; did you mean doctor\? \[TUBELET_USAGE\]\nhelp: tubelet --help\n$/],
    [
      ['runs', '--jsn'],
      /^error: unknown option '--jsn'; did you mean --json\? \[TUBELET_USAGE\]\nhelp: tubelet runs --help\n$/,
    ],
    [['data', 'inspekt', 'x'], /unknown command 'inspekt'; did you mean inspect\?/],
    [['show'], /the argument 'target' is missing/],
    [['show', 'a', 'b'], /too many arguments: 1 expected, 2 given/],
    [['runs', '--lang'], /the option '--lang <language>' needs a value/],
    [['runs', '--lang', 'fr'], /'--lang' cannot be 'fr': it is one of en, zh/],
    [['data', 'build', 'emoji', '--size', "0'"], /'--size' cannot be '0'': it is a whole number from 1 to 512/],
    [['data', 'build', 'emojis'], /unknown command 'emojis'; did you mean emoji\?/],
    [['data', 'build', 'emoji', '--styles', 'manga'], /'--styles' cannot be 'manga': it is one of fluent, 3d, /],
  ]
  for (const [argv, expected] of cases) {
    const { code, out, err } = await runCli(argv)
    assert.match(err, expected)
    assert.equal(out, '')
    assert.equal(code, 2, argv.join(' '))
  }
})

test('the same mistakes are told in Chinese', async () => {
  const { err } = await runCli(['docter', '--lang', 'zh'])
  assert.equal(err, '错误：没有命令“docter”；是不是想写 doctor？ [TUBELET_USAGE]\n用法：tubelet --help\n')
})

test('under --json an error is one object on stdout too', async () => {
  const { code, out } = await runCli(['show', 'nowhere', '--json'], { cwd: '/' })
  const { error } = JSON.parse(out)
  assert.deepEqual([code, error.exit, error.code], [3, 3, 'TUBELET_INPUT'])
  assert.match(error.message, /^no model 'nowhere': no such folder/)
})

test('--version prints the version of package.json', async () => {
  assert.deepEqual(await runCli(['--version']), { code: 0, out: '0.1.0\n', err: '' })
})

test('each kind of error has its exit code, and anything else is a bug with its stack', () => {
  const setting = { lang: 'en', t: translator('en'), stopped: exitCodes.SIGTERM, help: 'tubelet --help' } as const
  const exit = (error: unknown) => describeFailure(error, setting).exit
  const kinds = ['usage', 'input', 'numeric', 'memory', 'network', 'stopped'] as const
  assert.deepEqual(
    kinds.map((code) => exit(new TubeletError(code, 'x'))),
    [2, 3, 4, 5, 6, 143],
  )
  assert.equal(exit(new RangeError('Array buffer allocation failed')), 5)
  assert.equal(exit(Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' })), 3)
  assert.equal(exit(new DOMException('gone', 'AbortError')), 143)
  const closing = Object.assign(new Error('x'), {
    name: 'SuppressedError',
    suppressed: new TubeletError('numeric', 'x'),
  })
  assert.equal(exit(closing), 4)
  const bug = describeFailure(new TypeError('x is undefined'), setting)
  assert.equal(bug.exit, 1)
  assert.equal(bug.lines[0], 'TypeError: x is undefined [TUBELET_BUG]')
  assert.match(bug.lines.at(-1)!, /^\s+at /)
})

test('the shell writes results to stdout and all else to stderr; --quiet and --verbose choose', () => {
  const written = (options: Parameters<typeof makeShell>[2]) => {
    const { io, out, err } = recordingIo()
    const shell = makeShell(io, { t: translator('en'), lang: 'en' }, options)
    shell.say('note')
    shell.detail('detail')
    shell.result({ a: 1 }, 'text')
    return [out(), err()]
  }
  assert.deepEqual(written({}), ['text\n', 'note\n'])
  assert.deepEqual(written({ quiet: true }), ['text\n', ''])
  assert.deepEqual(written({ verbose: true, json: true }), ['{"a":1}\n', 'note\ndetail\n'])
})

test('a command that ends in good order after a signal tells by its exit code that it was stopped', async () => {
  const stop = new AbortController()
  stop.abort('SIGTERM')
  assert.equal((await runCli(['runs'], { signal: stop.signal, cwd: '/' })).code, 143)
})

test('a command gets its arguments and flags by the types that it declared', async () => {
  const seen: unknown[] = []
  const file = command({
    define: (command) => command.argument('<file>').option('-n, --count <n>', '', Number, 1),
    async run([name], { count }) {
      seen.push(name satisfies string, count satisfies number)
      return 10
    },
  })
  const { Command } = await import('@commander-js/extra-typings')
  const program = new Command()
  let code = 0
  const shell = () => makeShell(recordingIo().io, { t: translator('en'), lang: 'en' }, {})
  file.attach(program, { t: translator('en'), shell, exit: (given) => (code = given) })
  await program.parseAsync(['a.txt', '-n', '3'], { from: 'user' })
  assert.deepEqual([...seen, code], ['a.txt', 3, 10])
})

test('colours mark errors on a terminal only, and NO_COLOR takes them away', async () => {
  assert.ok((await runCli(['docter'], { isTTY: true, env: {} })).err.startsWith('\x1b[31merror: \x1b[39munknown'))
  assert.match((await runCli(['docter'], { isTTY: true, env: { NO_COLOR: '1' } })).err, /^error: unknown/)
  assert.match((await runCli(['docter'], { isTTY: false, env: {} })).err, /^error: unknown/)
})

test('the entry script passes arguments, streams and the exit code through', () => {
  const bin = fileURLToPath(new URL('./bin.ts', import.meta.url))
  const args = ['--import', 'tsx', '--conditions=source', bin, 'docter', '--json']
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  assert.equal(status, 2)
  assert.equal(JSON.parse(stdout).error.exit, 2)
  assert.match(stderr, /did you mean doctor/)
})

test('the entry script passes on what it is fed, and only where a command asks', () => {
  const bin = fileURLToPath(new URL('./bin.ts', import.meta.url))
  const args = ['--import', 'tsx', '--conditions=source', bin]
  const fed = (words: readonly string[], input: string) =>
    spawnSync(process.execPath, [...args, ...words], { encoding: 'utf8', input })
  assert.match(fed(['generate', '-'], '\n').stderr, /what shall be drawn\?/)
  assert.match(fed(['generate', '-', '-m', 'nowhere'], 'a heart\n').stderr, /nowhere/)
  assert.equal(fed(['runs'], 'nobody reads this').status, 0)
})

test('main never throws: an error in a stream of its own is an exit code', async () => {
  const { io } = recordingIo()
  const broken = { write: () => assert.fail('broken') }
  assert.equal(await main(['runs'], { ...io, cwd: '/', stdout: broken }), 1)
})
