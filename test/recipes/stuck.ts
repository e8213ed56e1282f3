import { setTimeout } from 'node:timers/promises'
import { tinyRecipe } from './tiny.ts'

/** The second step waits a second, and then keeps its thread busy for a minute. */
export default tinyRecipe('stuck', (run) => ({
  async batch(step) {
    if (step === 1) {
      process.stderr.write('waiting\n')
      await setTimeout(2000)
      process.stderr.write('busy\n')
      for (const end = Date.now() + 60_000; Date.now() < end; );
    }
    return run.batch(step)
  },
}))
