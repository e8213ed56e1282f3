import type { Shape, Tensor } from '../graph/index.ts'
import type { Params, Updates } from '../nn/index.ts'
import type { Arrays } from '../runtime/runtime.ts'

/** A run as data: what is minimised, on what, and how. */
export interface TrainConfig {
  readonly name: string
  readonly seed: number
  readonly steps: number
  /**
   * Builds model and loss once. `loss` is minimised; other scalars are reported. A model with batch normalisation takes
   * `updates` as its `training`: the next running statistics, which the loop writes back after each batch.
   * A contrastive loss takes its embeddings through `whole`: rows [b, …] of a batch → rows [accumulate · b, …] of all
   * batches of a step. The loss is then one of them all, with the same gradient, in the memory of one batch.
   */
  readonly build: (
    p: Params,
    updates: Updates,
    whole: (rows: Tensor) => Tensor,
  ) => { readonly loss: Tensor } & Readonly<Record<string, Tensor>>
  /** The inputs of one step: a pure function of the step, so that a run that was stopped goes on as if it had not been. */
  readonly batch: (step: number) => Arrays | Promise<Arrays>
  readonly samples: number // in one batch, for the progress line
  /** Learning rate of a step, counted from 1. */
  readonly lr: (step: number) => number
  readonly optimizer?: OptimizerConfig
  /** Gradients are averaged over so many batches before an update. */
  readonly accumulate?: number
  /**
   * How many of these batches are computed at the same time, each in a thread of its own: a quarter faster with
   * convolutions, a twelfth without (docs/decisions/006). A model with buffers has one.
   */
  readonly workers?: number
  /** Whether a parameter stays as it is, by its name, such as those of an encoder whose decoder goes on learning. */
  readonly frozen?: (name: string) => boolean
  /** Called on the weights after each update, such as to clamp one. */
  readonly after?: (weights: Readonly<Record<string, Float32Array>>) => void
}

/** How weights follow their gradients. */
export interface OptimizerConfig {
  readonly beta1?: number // AdamW's decay of the mean gradient
  readonly beta2?: number // AdamW's decay of the mean squared gradient
  readonly eps?: number
  readonly weightDecay?: number // decoupled, for matrices and kernels; gains, biases and scalars have none
  readonly clip?: number // largest global norm of the gradient
  readonly ema?: number // decay of the running average of the weights; it starts lower, as (1 + step) / (10 + step)
  /** Whether a matrix follows Muon; others follow AdamW. */
  readonly muon?: (name: string, shape: Shape) => boolean
  readonly momentum?: number // Muon's
  readonly muonRate?: number // Muon's learning rate as a multiple of AdamW's
}
