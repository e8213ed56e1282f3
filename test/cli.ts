import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import type { Io } from '../src/cli/io.ts'
import { main } from '../src/cli/main.ts'

/** What one command line did. */
export interface CliRun {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** Streams that collect what is written, and the Io around them. */
export function recordingIo(options: Partial<Omit<Io, 'stdout' | 'stderr'>> & { columns?: number } = {}) {
  const { columns, ...rest } = options
  const out: string[] = []
  const err: string[] = []
  const collect = (into: string[]) => ({
    write: (text: string | Uint8Array) =>
      into.push(typeof text === 'string' ? text : Buffer.from(text).toString('latin1')),
    columns,
  })
  const io: Io = {
    stdout: collect(out),
    stderr: collect(err),
    stdin: (async function* () {})(),
    env: { PATH: process.env.PATH },
    cwd: process.cwd(),
    isTTY: false,
    signal: new AbortController().signal,
    ...rest,
  }
  return { io, out: () => out.join(''), err: () => err.join('') }
}

/** Runs a command line in this process. */
export async function runCli(
  argv: readonly string[],
  options: Parameters<typeof recordingIo>[0] = {},
): Promise<CliRun> {
  const { io, out, err } = recordingIo(options)
  const code = await main(argv, io)
  return { code, out: out(), err: err() }
}

/** A folder for one test file, removed when its tests are over. */
export async function scratchFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tubelet-'))
  after(() => rm(folder, { recursive: true, force: true }))
  return folder
}
