import type { Shape } from '../graph/index.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { TrainConfig } from './config.ts'

/** Weights by the names of the checkpoint. */
export type Weights = Readonly<Record<string, { readonly data: Float32Array; readonly shape: Shape }>>

/** The form of a data set. */
export interface DataForm {
  readonly size: number // H and W in pixels
  readonly frames: number // of a clip
}

/** What a recipe is given when a run is prepared. */
export interface RecipeContext {
  readonly runtime: Runtime
  /** Folder of the data set; the recipe's own choice where absent. */
  readonly data?: string
  /** Model folder whose finished parts the recipe builds on; the shipped one where absent. */
  readonly model?: string
  /** Model folder whose weights the run begins with; others are drawn from the seed. */
  readonly from?: string
  /** Length of the run in steps; the recipe's own where absent. */
  readonly steps?: number
  readonly seed?: number
  /** Called with what takes time before the first step, in plain words; throws where the run is to stop. */
  readonly report: (text: string) => void
}

/** A prepared run: what to train, how to show it and how to keep it. */
export interface Run extends TrainConfig {
  /** Everything that was decided, as plain values, for the run folder. */
  readonly settings: Readonly<Record<string, unknown>>
  /** Weights to begin with; others are drawn from the seed. */
  readonly weights?: Readonly<Record<string, Float32Array>>
  /** Pictures of the model as it stands: contents by file name. */
  readonly pictures?: (weights: Weights) => Promise<Record<string, Uint8Array>>
  /** Files of the trained part of a model folder: contents by path. */
  readonly publish?: (weights: Weights) => Promise<Record<string, Uint8Array | string>>
  /** Frees what the run holds. */
  readonly close?: () => Promise<void>
}

/** A recipe: one file that says how a model is trained, with the loss and hours to expect on top. */
export interface Recipe {
  readonly name: string
  readonly summary: string
  /** The form that a folder of a person's own pictures and clips is brought to; absent where no data set is read. */
  readonly data?: DataForm
  readonly prepare: (context: RecipeContext) => Promise<Run>
}
