import { type FlowConfig, flowConfig, scaledShift } from '../diffusion/flow.ts'
import { schedulerFromConfig } from '../diffusion/scheduler.ts'
import { TubeletError } from '../errors.ts'

/**
 * The schedule of a text-to-video model, for clips of so many times as many latents as those of its training. Throws
 * TubeletError('input') where it does not walk along the velocity that the transformer predicts, shifts its times by a
 * number that a model folder does not hold, or is damaged.
 */
export function flowSchedule(config: unknown, times = 1): FlowConfig & { readonly _class_name: string } {
  schedulerFromConfig(config, 1, { where: 'scheduler_config.json', mu: 0 })
  const { _class_name: name } = config as { _class_name: string }
  if (name !== 'FlowMatchEulerDiscreteScheduler')
    throw new TubeletError(
      'input',
      `scheduler_config.json: text-to-video needs a FlowMatchEulerDiscreteScheduler, not a ${name}`,
    )
  const flow = flowConfig.parse(config)
  if (flow.use_dynamic_shifting)
    throw new TubeletError('input', 'scheduler_config.json: text-to-video does not support use_dynamic_shifting')
  return { ...flow, _class_name: name, shift: scaledShift(flow.shift, times) }
}
