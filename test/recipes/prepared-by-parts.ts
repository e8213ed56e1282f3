import { tinyRecipe } from './tiny.ts'

const tiny = tinyRecipe('prepared-by-parts')

/** Tells of two parts before its first step. */
export default {
  ...tiny,
  prepare(context: Parameters<typeof tiny.prepare>[0]) {
    for (const part of [1, 2]) context.report(`part ${part} is prepared`)
    return tiny.prepare(context)
  },
}
