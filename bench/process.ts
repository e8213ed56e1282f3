import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

/** A command that answers lines of JSON. */
export interface CommandLine {
  readonly command: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

/** One round of steps. */
interface Round {
  readonly ms: readonly number[]
  readonly peakMb: number
}

/** A started process that waits for work. */
export interface Server {
  readonly ready: { readonly error?: number; readonly [fact: string]: unknown } // its first line
  readonly readySeconds: number // from the start of the process to that line
  run(steps: number): Promise<Round>
  stop(): Promise<void>
}

/** Starts a process and waits for its first line. Throws an Error with the end of what it wrote on stderr. */
export async function startServer({ command, args, env }: CommandLine): Promise<Server> {
  const began = performance.now()
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'] })
  const lines = answersOf(child)
  const ready = await lines.next()
  const readySeconds = (performance.now() - began) / 1000
  return {
    ready: ready as Server['ready'],
    readySeconds,
    async run(steps) {
      child.stdin.write(`${steps}\n`)
      return (await lines.next()) as Round
    },
    async stop() {
      const closed = new Promise((resolve) => child.once('close', resolve))
      child.stdin.end()
      await closed
    },
  }
}

/** Lines of a process as values, in order. */
function answersOf(child: ChildProcess) {
  let complaint = ''
  child.stderr!.on('data', (text) => {
    complaint = `${complaint}${text}`.slice(-4000)
  })
  const failed = new Promise<never>((_, reject) => {
    child.once('error', reject)
    child.once('close', () => reject(new Error(lastLine(complaint))))
  })
  failed.catch(() => {}) // told to whoever waits for a line
  const lines = createInterface(child.stdout!)[Symbol.asyncIterator]()
  return {
    async next(): Promise<unknown> {
      const { value, done } = await Promise.race([lines.next(), failed])
      return done ? failed : JSON.parse(value)
    },
  }
}

const lastLine = (text: string) => text.trim().split('\n').at(-1) || 'the process ended without a word'
