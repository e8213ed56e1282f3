import { execFileSync, spawn } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join, sep } from 'node:path'
import { platform } from 'node:process'
import { browserAbsent, browserVariable } from '../test/browser/chromium.ts'

// Runs the tests: `npm test` all of them, `npm test -- src/ops conv` those whose path holds one of the words. One browser
// serves every file, as each file is a process of its own.

const filters = process.argv.slice(2)
const flags = filters.filter((word) => word.startsWith('--'))
const words = filters.filter((word) => !word.startsWith('--'))

const files: string[] = []
for (const folder of ['src', 'test', 'scripts', 'recipes', 'reproductions', 'examples', 'web', 'bench'])
  for (const file of await readdir(folder, { recursive: true }).catch(() => []))
    if (file.endsWith('.test.ts')) files.push(join(folder, file).split(sep).join('/'))
const chosen = files.filter((file) => words.length === 0 || words.some((word) => file.includes(word))).sort()
if (chosen.length === 0) {
  process.stderr.write(`test: no test file matches ${words.join(' ')}\n`)
  process.exit(2)
}

// Commands in processes and threads of their own run what is built.
execFileSync('npm', ['run', '-s', 'prepare'], { stdio: 'inherit', shell: platform === 'win32' })

const host = browserAbsent ? undefined : await (await import('../test/browser/host.ts')).startBrowserHost()
const env = host ? { ...process.env, [browserVariable]: host.address } : process.env
// Node's own choice leaves one core free, which on two cores is half of them.
const defaults = [`--test-concurrency=${availableParallelism()}`]
if (!flags.some((flag) => flag.startsWith('--test-reporter'))) defaults.push('--test-reporter=spec')
const args = ['--import', 'tsx', '--conditions=source', '--test', ...defaults, ...flags, ...chosen]
const child = spawn(process.execPath, args, { stdio: 'inherit', env })
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal))
const code = await new Promise<number>((resolve) => child.on('exit', (status) => resolve(status ?? 1)))
await host?.close()
process.exit(code)
