/** What kind of mistake it was; the command line turns it into its exit code. */
export type ErrorCode = 'usage' | 'input' | 'numeric' | 'memory' | 'network' | 'stopped'

/** A mistake with a clear cause that is not a bug of tubelet: one sentence says what is wrong, where, and what would be right. */
export class TubeletError extends Error {
  readonly code: ErrorCode
  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'TubeletError'
    this.code = code
  }
}

/** What ends work whose signal was aborted. */
export const stoppedError = (options?: ErrorOptions): TubeletError =>
  new TubeletError('stopped', 'stopped before it was done', options)
