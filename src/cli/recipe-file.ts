import { stat } from 'node:fs/promises'
import { createJiti } from 'jiti'
import { TubeletError } from '../errors.ts'
import type { Recipe } from '../train/recipe.ts'

/**
 * Loads a recipe, a TypeScript or JavaScript file whose default export is a `Recipe`. What it imports from 'tubelet' is
 * this very package. Throws TubeletError('input') where there is no such file or it holds something else.
 */
export async function loadRecipe(path: string): Promise<Recipe> {
  if (!(await stat(path).catch(() => undefined))?.isFile())
    throw new TubeletError('input', `${path}: no such recipe; a recipe is a .ts or .js file`)
  const jiti = createJiti(import.meta.url, {
    fsCache: false,
    virtualModules: { tubelet: await import('../index.ts'), 'tubelet/node': await import('../node.ts') },
  })
  let recipe: unknown
  try {
    recipe = await jiti.import(path, { default: true })
  } catch (error) {
    throw new TubeletError('input', `${path}: the recipe cannot be loaded (${(error as Error).message})`, {
      cause: error,
    })
  }
  if (typeof (recipe as Recipe | undefined)?.prepare !== 'function')
    throw new TubeletError(
      'input',
      `${path}: must export a recipe by default, an object with a name and a function 'prepare'`,
    )
  return recipe as Recipe
}
