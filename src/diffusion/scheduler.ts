import type { z } from 'zod'
import { TubeletError } from '../errors.ts'
import { ddim, ddimConfig } from './ddim.ts'
import { ddpm, ddpmConfig } from './ddpm.ts'
import { flowConfig, flowEuler } from './flow.ts'
import type { Scheduler } from './step.ts'

export type { Scheduler } from './step.ts'

/** What a run may choose beyond the file. */
export interface SchedulerOptions {
  /** DDIM: 0 draws no noise, 1 as much as DDPM. */
  readonly eta?: number
  /** Flows with dynamic shifting: the logarithm of the shift. */
  readonly mu?: number
  /** Name of the file in errors. */
  readonly where?: string
}

/** The scheduler that a `scheduler_config.json` of diffusers describes, for a run of `steps` steps. */
export function schedulerFromConfig(config: unknown, steps: number, options: SchedulerOptions = {}): Scheduler {
  const { eta, mu, where = 'scheduler_config.json' } = options
  const name = typeof config === 'object' && config !== null && '_class_name' in config ? config._class_name : undefined
  const parse = <T>(schema: z.ZodType<T>): T => {
    const parsed = schema.safeParse(config)
    if (parsed.success) return parsed.data
    const [issue] = parsed.error.issues
    throw new TubeletError('input', `${where}: ${issue.path.join('.')}: ${issue.message}`)
  }
  if (name === 'DDPMScheduler') return ddpm(parse(ddpmConfig), steps)
  if (name === 'DDIMScheduler') return ddim(parse(ddimConfig), steps, { eta })
  if (name === 'FlowMatchEulerDiscreteScheduler') return flowEuler(parse(flowConfig), steps, { mu })
  throw new TubeletError(
    'input',
    `${where}: _class_name must be DDPMScheduler, DDIMScheduler or FlowMatchEulerDiscreteScheduler, not ${String(name).slice(0, 60)}`,
  )
}
