import { createReadStream } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import type { CommandThread } from './command-apart.ts'
import type { Io, Output } from './io.ts'
import { main } from './main.ts'

const { isTTY, columns }: CommandThread['data'] = workerData
let now = columns
const stop = new AbortController()
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
  // The stream of a thread's input is fed by the other thread, which would have to read what may never be asked for.
  get stdin() {
    return createReadStream('', { fd: 0, autoClose: false })
  },
}
process.exitCode = await main(process.argv.slice(2), io)
