import { existsSync } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { createJiti } from 'jiti'
import { TubeletError } from '../errors.ts'
import { packageFolder } from '../files/shipped.ts'
import type { Recipe } from '../train/recipe.ts'
import { checkedRun, placed } from './recipe-errors.ts'

/**
 * Loads a recipe, a TypeScript or JavaScript file whose default export is a `Recipe`. What it imports from 'tubelet' is
 * this very package. An error of the recipe's own code becomes a TubeletError that names the line, also later, when one
 * of its functions is called. Throws TubeletError('input') where there is no such file or it holds something else.
 */
export async function loadRecipe(path: string): Promise<Recipe> {
  if (!(await isFile(path)))
    throw new TubeletError(
      'input',
      `${path}: no such recipe; a recipe is a .ts or .js file, or one of ${(await recipeNames()).join(', ')}`,
    )
  const recipe = await placed(path, () => importDefault<Partial<Recipe> | undefined>(path))
  const { name, summary = '', data, prepare } = recipe ?? {}
  if (typeof name !== 'string' || typeof prepare !== 'function')
    throw new TubeletError(
      'input',
      `${path}: must export a recipe by default: an object with a 'name' and a function 'prepare'`,
    )
  const prepared = async (context: Parameters<typeof prepare>[0]) =>
    checkedRun(path, await placed(path, () => prepare.call(recipe, context)))
  return { name, summary, data, prepare: prepared }
}

/** The default export of a TypeScript or JavaScript file; what it imports from 'tubelet' is this very package. */
export async function importDefault<T>(path: string): Promise<T> {
  const jiti = createJiti(import.meta.url, {
    fsCache: false,
    virtualModules: { tubelet: await import('../index.ts'), 'tubelet/node': await import('../node.ts') },
  })
  return jiti.import<T>(path, { default: true })
}

/** The file of a recipe that the user names: a path, one in the package where there is none, or the name of one there. */
export function recipePath(name: string, cwdPath: (name: string) => string): string {
  if (!/[\\/.]/.test(name)) return join(packageFolder, 'recipes', `${name}.ts`)
  const inPackage = join(packageFolder, name)
  return existsSync(cwdPath(name)) || !existsSync(inPackage) ? cwdPath(name) : inPackage
}

/** Names of the recipes that come with the package. */
export async function recipeNames(): Promise<string[]> {
  const files = await readdir(join(packageFolder, 'recipes')).catch(() => [])
  return files.flatMap((file) => /^(.+)\.ts$/.exec(file)?.[1] ?? []).sort()
}

const isFile = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isFile(),
    () => false,
  )
