import { sample } from '../diffusion/sample.ts'
import { schedulerFromConfig } from '../diffusion/scheduler.ts'
import { TubeletError } from '../errors.ts'
import type { NamedArrays } from '../files/arrays.ts'
import { compare, sidesOf, type Verification } from './verify.ts'

/** The parts of a scheduler folder. */
export interface SchedulerParts {
  readonly config: unknown // of scheduler_config.json
  readonly expected: NamedArrays // `input.start` and `input.noise_K` go in, `output.x_I` is the state after step I
  readonly steps?: number // as many as there are stored states where absent
}

/** The network that stands in for a real one: f(x, t) = 0.7 x + 0.3 sin(3 x + t / 100). */
const pretend = (x: Float32Array, t: number): Float32Array => x.map((v) => 0.7 * v + 0.3 * Math.sin(3 * v + t / 100))

/** Runs a scheduler with a pretend network from a stored start and compares each state with the stored one. */
export async function verifyScheduler({ config, expected, steps }: SchedulerParts): Promise<Verification> {
  const { inputs, outputs } = sidesOf(expected)
  const states = Object.keys(outputs).filter((name) => name.startsWith('x_')).length
  const scheduler = schedulerFromConfig(config, steps ?? states)
  const { timesteps, sigmas } = scheduler
  const floats = (name: string): Float32Array => {
    const data = inputs[name]?.data
    if (data instanceof Float32Array) return data
    throw new TubeletError('input', `the scheduler needs the float32 tensor 'input.${name}', which is not stored`)
  }
  const drawing = timesteps.map((_, index) => index).filter((index) => scheduler.drawsNoise(index))
  const noise = (index: number) => floats(`noise_${numbered(drawing.indexOf(index))}`)
  const got: Record<string, ArrayLike<number>> = { timesteps, ...(sigmas && { sigmas }) }
  const [x, batch] = [floats('start'), inputs.start.shape[0]]
  for await (const { step, x: next } of sample({ scheduler, denoise: async (x, t) => pretend(x, t), x, noise, batch }))
    got[`x_${numbered(step - 1)}`] = next
  for (const [name, { data }] of Object.entries(outputs))
    if (got[name]?.length !== data.length)
      throw new TubeletError(
        'input',
        `output '${name}' is stored with ${data.length} numbers; the scheduler gives ${got[name]?.length ?? 'none'}`,
      )
  const { _class_name: className } = config as { _class_name: string }
  return { className, outputs: compare(got, outputs) }
}

const numbered = (i: number) => String(i).padStart(3, '0')
