/** What one step of a sampler needs. */
export interface StepInput {
  /** What the network said: noise, x0, velocity, as the scheduler expects; [B, C, ...], or [B, 2C, ...] with variances. */
  readonly prediction: Float32Array
  /** xt [B, C, ...]. */
  readonly x: Float32Array
  /** Which of the scheduler's steps, from 0. */
  readonly index: number
  /** Normal noise like x; needed where `drawsNoise(index)`. */
  readonly noise?: Float32Array
  /** B; default 1. It matters only to predicted variances and dynamic thresholding. */
  readonly batch?: number
}

/** A way from noise to data in a fixed number of steps, whatever the network is. */
export interface Scheduler {
  /** The times that the network is told, noisiest first. */
  readonly timesteps: readonly number[]
  /** Noise levels that a run visits [steps + 1], where the scheduler counts in them. */
  readonly sigmas?: readonly number[]
  /** The same sampler over other noise levels [steps + 1], where it counts in them. */
  along?(sigmas: readonly number[]): Scheduler
  /** Standard deviation of the first x. */
  readonly initNoiseSigma: number
  /** What the network sees of x; x itself where absent. */
  scaleModelInput?(x: Float32Array, index: number): Float32Array
  /** Whether a step needs noise. */
  drawsNoise(index: number): boolean
  /** xt → the x of the next time, a new array. */
  step(input: StepInput): Float32Array
}
