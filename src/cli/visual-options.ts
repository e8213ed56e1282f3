import { TubeletError } from '../errors.ts'
import type { AskedVisual } from '../generate/asked-visual.ts'
import type { Shell } from './command.ts'

/** The flags of `generate` that name pictures and clips. */
export interface VisualOptions {
  readonly image?: string
  readonly strength?: number
  readonly mask?: string
  readonly extend?: string
  readonly back?: true
  readonly loop?: string
  readonly between?: readonly string[]
}

/**
 * What the flags ask for beside the words; undefined where there are none. Throws TubeletError('usage') where they do
 * not go together.
 */
export function askedVisual(options: VisualOptions, { t }: Shell): AskedVisual<string> | undefined {
  const { image, strength, mask, extend, back, loop, between } = options
  const usage = (text: string) => new TubeletError('usage', text)
  if ([image, extend, loop, between].filter((one) => one !== undefined).length > 1) throw usage(t('generate.oneVisual'))
  for (const [option, value] of Object.entries({ '--strength': strength, '--mask': mask }))
    if (value !== undefined && image === undefined) throw usage(t('generate.needsImage', { option }))
  if (back && extend === undefined) throw usage(t('generate.needsExtend'))
  if (between && between.length !== 2) throw usage(t('generate.two', { count: between.length }))
  if (image !== undefined) return { image, strength, mask }
  if (extend !== undefined) return { extend, back }
  if (loop !== undefined) return { loop }
  return between && { between: [between[0], between[1]] }
}
