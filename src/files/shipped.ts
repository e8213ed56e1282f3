import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder of this package: src/files and dist/files lie equally deep in it. */
export const packageFolder = fileURLToPath(new URL('../../', import.meta.url))

/**
 * Where a folder is that comes with the package, such as `models/emoji-video` or `data/emoji-64`: in the working folder
 * where that has one, else in the package; the path itself where neither has it.
 */
export function shipped(path: string): string {
  const inPackage = join(packageFolder, path)
  return existsSync(path) || !existsSync(inPackage) ? path : inPackage
}
