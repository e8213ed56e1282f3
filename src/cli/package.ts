import { readFileSync } from 'node:fs'

/** The version of this package. */
export const packageVersion = (): string => packageJson().version

/** The oldest Node.js that this package runs on: 20.19 of `>=20.19`. */
export const neededNode = (): string => packageJson().engines.node.replace(/^[^\d]*/, '')

const packageJson = (): { version: string; engines: { node: string } } =>
  JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
