import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** A command line in a process of its own, so that it can be sent signals and be killed. */
export interface CliProcess {
  readonly pid: number
  /** What it wrote on stderr so far. */
  readonly err: () => string
  readonly kill: (signal: NodeJS.Signals) => void
  /** Writes to its stdin, which stays open; done when it has taken what a pipe does not hold. */
  readonly write: (text: string) => Promise<void>
  /** Nobody reads its stderr any more. */
  readonly closeErr: () => void
  /** Its exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>
}

/** Settings of a process. */
export interface CliProcessOptions {
  readonly cwd: string
  readonly env?: Readonly<Record<string, string>>
  /** Files of more bytes cannot be written, as if the disk were full (a multiple of 1024). */
  readonly largestFile?: number
}

/** Starts `tubelet` with arguments. */
export function startCli(argv: readonly string[], { cwd, env, largestFile }: CliProcessOptions): CliProcess {
  const bin = fileURLToPath(new URL('../src/cli/bin.ts', import.meta.url))
  const command = [process.execPath, '--import', import.meta.resolve('tsx'), '--conditions=source', bin, ...argv]
  const limited = largestFile === undefined ? [] : ['bash', '-c', `ulimit -f ${largestFile / 1024}; exec "$@"`, 'bash']
  const [file, ...args] = [...limited, ...command]
  const child = spawn(file, args, { cwd, env: { ...process.env, ...env }, stdio: ['pipe', 'ignore', 'pipe'] })
  let err = ''
  child.stderr.setEncoding('utf8').on('data', (text) => {
    err += text
  })
  const ended = new Promise<number | NodeJS.Signals>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve(code ?? signal!))
  })
  return {
    pid: child.pid!,
    err: () => err,
    kill: (signal) => child.kill(signal),
    write: (text) => new Promise((done) => child.stdin.write(text, () => done())),
    closeErr: () => child.stderr.destroy(),
    ended,
  }
}

/** Waits until something holds; fails after a minute, with what `state` tells. */
export async function until(holds: () => boolean | Promise<boolean>, state: () => string = () => ''): Promise<void> {
  for (const end = Date.now() + 60_000; !(await holds()); ) {
    if (Date.now() > end) throw new Error(`it never came to that: ${state()}`)
    await new Promise((done) => setTimeout(done, 20))
  }
}
