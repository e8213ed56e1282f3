#!/usr/bin/env node
import { type CommandThread, startCommand, threadFailure } from './command-apart.ts'
import { earlyFlags } from './early-flags.ts'
import { chooseLanguage, translator } from './messages/index.ts'

// A command runs in a thread of its own, as a network's step holds its thread for as long as it takes. This one has
// nothing to do but to hear the person: Ctrl-C is answered at once, and a second one ends the process in mid-step.
const { argv, env, stdout, stderr } = process
const isTTY = stderr.isTTY === true && env.TERM !== 'dumb' && !env.CI
const columns = () => ({ stdout: stdout.columns, stderr: stderr.columns })

const thread = startCommand(argv.slice(2), { isTTY, columns: columns() })
const tell = (message: CommandThread['message']) => thread.postMessage(message)
thread.on('message', ({ to, text }: CommandThread['answer']) => process[to].write(text))
thread.on('exit', (code) => {
  process.exitCode ??= code
})
thread.on('error', (error) => {
  const { code, line } = threadFailure(error)
  stderr.write(`${line}\n`)
  process.exitCode = code
})

const signals = ['SIGINT', 'SIGTERM'] as const
const echo = 500 // ms; npm passes on what the terminal has sent already, so one Ctrl-C may come as two signals
let heard: number | undefined
for (const signal of signals) {
  process.on(signal, () => {
    if (heard !== undefined) {
      if (performance.now() - heard < echo) return
      for (const one of signals) process.removeAllListeners(one)
      process.kill(process.pid, signal) // as if nobody had listened
      return
    }
    heard = performance.now()
    tell({ stop: signal })
    const { lang, quiet } = earlyFlags(argv.slice(2))
    if (!quiet) stderr.write(`${isTTY ? '\n' : ''}${translator(chooseLanguage(lang, env))('frame.stopping')}\n`)
  })
}
stderr.on('resize', () => tell({ columns: columns() }))
// `tubelet runs | head` closes the pipe: that is no error.
stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit(0)
})
// Nobody may be left to read what is reported; the work goes on.
stderr.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
})
