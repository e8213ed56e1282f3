import { createReadStream, fstatSync } from 'node:fs'
import { Socket } from 'node:net'
import { addAbortSignal, type Readable } from 'node:stream'
import { isatty, ReadStream } from 'node:tty'
import { parentPort, workerData } from 'node:worker_threads'
import type { CommandThread } from './command-apart.ts'
import type { Io, Output } from './io.ts'
import { main } from './main.ts'

const { isTTY, columns }: CommandThread['data'] = workerData
let now = columns
const stop = new AbortController()
let input: Readable | undefined
parentPort!.on('message', (message: CommandThread['message']) => {
  if ('stop' in message) stop.abort(message.stop)
  else now = message.columns
})
parentPort!.unref() // listening is no reason to stay

// The streams of a thread wait for its next idle moment once a line is on its way; a message goes at once.
const output = (to: keyof CommandThread['data']['columns']): Output => ({
  write: (text) => parentPort!.postMessage({ to, text } satisfies CommandThread['answer']),
  get columns() {
    return now[to]
  },
})
const io: Io = {
  ...{ stdout: output('stdout'), stderr: output('stderr'), isTTY, signal: stop.signal },
  ...{ env: process.env, cwd: process.cwd() },
  get stdin() {
    input ??= addAbortSignal(stop.signal, openInput())
    return input
  },
}

/**
 * Standard input. The stream that a thread has is fed by the other one, which would have to read what may never be asked
 * for; one of a file would hold the thread, where nobody writes or closes the pipe, after it has been told to stop.
 */
function openInput(): Readable {
  if (isatty(0)) return new ReadStream(0)
  const kind = fstatSync(0)
  if (kind.isFIFO() || kind.isSocket()) return new Socket({ fd: 0, readable: true, writable: false })
  return createReadStream('', { fd: 0, autoClose: false })
}
process.exitCode = await main(process.argv.slice(2), io)
