import type { Shell } from './command.ts'
import { cutTo, duration } from './text.ts'

/** What the line shows. */
export interface ProgressOptions {
  /** How much is to be done, in steps, bytes or whatever is counted. */
  readonly total: number
  /** How much was done before this process began, by a run that goes on: it took no time now. */
  readonly from?: number
  /** The words for how far it is; default `step 420/2000`. */
  readonly label?: (done: number, total: number) => string
  /** What the rate counts, and how many of it are in one of `total`; without it no rate is shown. */
  readonly rate?: { readonly unit: string; readonly each?: number }
  /** Milliseconds, for tests; default the clock. */
  readonly now?: () => number
}

/** A line that tells how far long work is. */
export interface Progress {
  update(done: number, state?: { readonly loss?: number }): void
  /** A line of its own that stays, above the progress line. */
  say(line: string): void
  /** Leaves the last state on the screen. */
  end(): void
}

const redrawMs = 100
const plainMs = 10_000
const plainShare = 0.05

/**
 * Shows progress on stderr: on a terminal one line, drawn again at most ten times a second; elsewhere a plain line when
 * 10 seconds or 5 % have passed. With --quiet nothing.
 */
export function progress(shell: Shell, options: ProgressOptions): Progress {
  const { total, from = 0, now = () => performance.now() } = options
  const { io, quiet } = shell
  const pace = measurePace(from, now())
  let shown = { at: -Infinity, done: -Infinity, text: '' }
  let latest = ''

  const draw = (done: number, at: number) => {
    const text = io.isTTY ? `\r${cutTo(latest, (io.stderr.columns ?? 80) - 1)}\x1b[K` : `${latest}\n`
    io.stderr.write(text)
    shown = { at, done, text: latest }
  }
  const isDue = (done: number, at: number) => {
    if (io.isTTY) return at - shown.at >= redrawMs || done >= total
    return at - shown.at >= plainMs || done - shown.done >= total * plainShare || (done >= total && shown.done < total)
  }
  return {
    update(done, state = {}) {
      const at = now()
      pace.add(done, at)
      latest = describe(shell, options, { done, secondsEach: pace.secondsEach(), ...state })
      if (!quiet && isDue(done, at)) draw(done, at)
    },
    say(line) {
      if (quiet) return
      io.stderr.write(
        io.isTTY
          ? `\r\x1b[K${line}\n${shown.text && `${cutTo(shown.text, (io.stderr.columns ?? 80) - 1)}`}`
          : `${line}\n`,
      )
    },
    end() {
      if (quiet || latest === '') return
      if (latest !== shown.text) draw(Number.POSITIVE_INFINITY, now())
      if (io.isTTY) io.stderr.write('\n')
    },
  }
}

interface State {
  done: number
  secondsEach?: number
  loss?: number
}

function describe(
  { t, io }: Shell,
  { total, label, rate }: ProgressOptions,
  { done, secondsEach, loss }: State,
): string {
  const parts = [label ? label(done, total) : t('progress.step', { done, total })]
  if (io.isTTY) parts[0] += ` ${bar(done / total)}`
  if (loss !== undefined) parts.push(t('progress.loss', { loss: loss.toFixed(4) }))
  if (secondsEach !== undefined && secondsEach > 0) {
    if (rate) parts.push(t('progress.rate', { rate: short((rate.each ?? 1) / secondsEach), unit: rate.unit }))
    if (done < total) parts.push(t('progress.left', { left: duration(secondsEach * (total - done)) }))
  }
  return parts.join('  ')
}

const cells = 20
const eighths = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉']

function bar(share: number): string {
  const filled = Math.round(Math.min(1, Math.max(0, share)) * cells * 8)
  const drawn = '█'.repeat(filled >> 3) + eighths[filled & 7]
  return `▕${drawn.padEnd(cells)}▏`
}

const short = (n: number): string => (n >= 100 ? n.toFixed(0) : n >= 10 ? n.toFixed(1) : n.toFixed(2))

/** Seconds for one, of the last half minute more than of the time before: the first steps are slower than the rest. */
function measurePace(start: number, began: number) {
  const memory = 30_000
  let [last, lastAt] = [start, began]
  let [weight, sum] = [0, 0]
  return {
    add(done: number, at: number) {
      if (done <= last) return
      const elapsed = at - lastAt
      const fade = Math.exp(-elapsed / memory)
      ;[weight, sum] = [weight * fade + (done - last), sum * fade + elapsed]
      ;[last, lastAt] = [done, at]
    },
    secondsEach: () => (weight > 0 ? sum / weight / 1000 : undefined),
  }
}
