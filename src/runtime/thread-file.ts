/**
 * The file that a thread runs, 'runtime/node-worker', for a module one folder deep in src/ or dist/. Loaders of
 * TypeScript do not reach threads: from source, the compiled file runs.
 */
export const threadFile = (name: string, from: string): URL =>
  new URL(`${from.endsWith('.ts') ? '../../dist' : '..'}/${name}.js`, from)
