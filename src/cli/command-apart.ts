import { once } from 'node:events'
import { SHARE_ENV, Worker } from 'node:worker_threads'
import { threadFile } from '../runtime/thread-file.ts'
import { exitCodes } from './command.ts'
import type { Io } from './io.ts'

/** What the thread of a command is given when it starts, what it is told later, and what it answers. */
export interface CommandThread {
  readonly data: Pick<Io, 'isTTY'> & { readonly columns: Columns }
  readonly message: { readonly stop: 'SIGINT' | 'SIGTERM' } | { readonly columns: Columns }
  readonly answer: { readonly to: 'stdout' | 'stderr'; readonly text: string | Uint8Array }
}

type Columns = Readonly<Record<'stdout' | 'stderr', number | undefined>> // of the terminals

/** What a command line wrote on stdout, and how it ended. */
export interface ApartCommand {
  readonly code: number
  readonly out: string
}

/** Starts the thread of a command line, which hears and answers as `CommandThread` says. */
export const startCommand = (argv: readonly string[], workerData: CommandThread['data']): Worker =>
  new Worker(threadFile('cli/command-thread', import.meta.url), { argv: [...argv], env: SHARE_ENV, workerData })

/** How a command ended whose thread died: out of memory, or by an error that nobody caught. */
export function threadFailure(error: NodeJS.ErrnoException): { code: number; line: string } {
  const kind = error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? 'memory' : 'bug'
  return { code: exitCodes[kind], line: `error: ${error.message} [TUBELET_${kind.toUpperCase()}]` }
}

/** Runs a command line in a thread of its own: its notes go to `io.stderr` as they come, and it stops as `io.signal` says. */
export async function commandApart(argv: readonly string[], io: Io): Promise<ApartCommand> {
  const thread = startCommand(argv, { isTTY: false, columns: { stdout: undefined, stderr: undefined } })
  let out = ''
  thread.on('message', ({ to, text }: CommandThread['answer']) => {
    if (to === 'stderr') io.stderr.write(text)
    else out += text
  })
  const stop = () => thread.postMessage({ stop: io.signal.reason } satisfies CommandThread['message'])
  if (io.signal.aborted) stop()
  io.signal.addEventListener('abort', stop)
  try {
    const [code] = (await once(thread, 'exit')) as [number]
    return { code, out }
  } catch (error) {
    const { code, line } = threadFailure(error as Error)
    io.stderr.write(`${line}\n`)
    return { code, out }
  } finally {
    io.signal.removeEventListener('abort', stop)
  }
}
