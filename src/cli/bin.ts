#!/usr/bin/env node
import { processIo } from './io.ts'
import { main } from './main.ts'

const stop = new AbortController()
const signals = ['SIGINT', 'SIGTERM'] as const
for (const signal of signals) {
  process.on(signal, () => {
    if (stop.signal.aborted) process.exit(signal === 'SIGTERM' ? 143 : 130)
    stop.abort(signal)
    // The next one shall not wait until this thread has time for it: the system itself ends the process then.
    setImmediate(() => {
      for (const one of signals) process.removeAllListeners(one)
    })
  })
}
// `tubelet runs | head` closes the pipe: that is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit(0)
})

process.exitCode = await main(process.argv.slice(2), processIo(stop.signal))
