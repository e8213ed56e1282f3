import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** The folder of this package: src/cli and dist/cli lie equally deep in it. */
export const packageFolder = fileURLToPath(new URL('../../', import.meta.url))

/** The version of this package. */
export const packageVersion = (): string => packageJson().version

/** The oldest Node.js that this package runs on: 20.19 of `>=20.19`. */
export const neededNode = (): string => packageJson().engines.node.replace(/^[^\d]*/, '')

const packageJson = (): { version: string; engines: { node: string } } =>
  JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
