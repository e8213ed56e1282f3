import type { NamedArrays } from '../files/arrays.ts'

/** One part of a model in the diffusers layout: its published class, its config and its weights. */
export interface ModelPart {
  readonly folder: string // names the part in errors
  readonly className: string
  readonly config: unknown // config.json
  readonly arrays: NamedArrays
}
