import { writeSync } from 'node:fs'
import { tinyRecipe } from './tiny.ts'

/** The second step keeps its thread busy for a minute. */
export default tinyRecipe('stuck', (run) => ({
  batch(step) {
    if (step === 1) {
      writeSync(2, 'busy\n')
      for (const end = Date.now() + 60_000; Date.now() < end; );
    }
    return run.batch(step)
  },
}))
