import { TubeletError } from '../errors.ts'
import type { NamedArrays } from '../files/arrays.ts'

/** One part of a model in the diffusers layout: its published class, its config and its weights. */
export interface ModelPart {
  readonly folder: string // names the part in errors
  readonly className: string
  readonly config: unknown // config.json
  readonly arrays: NamedArrays
}

/** Throws TubeletError('input') where the config of a part names another class than its own, or none. */
export function checkClass({ folder, className, config }: Omit<ModelPart, 'arrays'>): void {
  const { _class_name: name, architectures } = Object(config) as { _class_name?: unknown; architectures?: unknown }
  const found = name ?? (Array.isArray(architectures) ? architectures[0] : undefined)
  if (found !== className)
    throw new TubeletError('input', `${folder}: holds a ${found ?? 'model without a class name'}, not a ${className}`)
}
