import { TubeletError } from '../src/errors.ts'
import type { Runtime } from '../src/runtime/runtime.ts'

/** A runtime that counts the programs that are loaded and not yet released, and has no room for those it is told to refuse. */
export function countingRuntime(inner: Runtime, refuses: (outputs: object) => boolean = () => false) {
  const programs = { loaded: 0 }
  const runtime: Runtime = {
    ...inner,
    async load(outputs, options) {
      if (refuses(outputs)) throw new TubeletError('memory', 'no room')
      const program = await inner.load(outputs, options)
      programs.loaded++
      return {
        ...program,
        async release() {
          programs.loaded--
          await program.release()
        },
      }
    },
  }
  return { runtime, programs }
}
