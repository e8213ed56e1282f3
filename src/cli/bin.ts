#!/usr/bin/env node
import { processIo } from './io.ts'
import { main } from './main.ts'

const stop = new AbortController()
let asked = false
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (asked) process.exit(signal === 'SIGTERM' ? 143 : 130)
    asked = true
    stop.abort(signal)
  })
}
// `tubelet runs | head` closes the pipe: that is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit(0)
})

process.exitCode = await main(process.argv.slice(2), processIo(stop.signal))
