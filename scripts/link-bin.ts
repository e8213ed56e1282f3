import { chmod, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

// Makes `npx tubelet` run the built command line at once in a clone. Without this npx finds no such command in
// node_modules/.bin, and installs the folder into its own cache first, with a second build: half a minute.

const folder = join('node_modules', '.bin')
const target = join('..', '..', 'dist', 'cli', 'bin.js')

if (process.platform === 'win32') {
  await writeFile(join(folder, 'tubelet.cmd'), `@node "%~dp0${target}" %*\r\n`)
} else {
  await chmod(join('dist', 'cli', 'bin.js'), 0o755)
  await rm(join(folder, 'tubelet'), { force: true })
  await symlink(target, join(folder, 'tubelet'))
}
