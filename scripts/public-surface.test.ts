import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { publicSurface, type Surface } from './public-surface.ts'

function surfaceOf(index: string): Surface {
  const root = mkdtempSync(join(tmpdir(), 'tubelet-surface-'))
  try {
    mkdirSync(join(root, 'src'))
    symlinkSync(resolve('node_modules'), join(root, 'node_modules'))
    const exports = { '.': { source: './src/index.ts' }, './gone': { source: './src/gone.ts' }, './a.css': './a.css' }
    writeFileSync(join(root, 'package.json'), JSON.stringify({ name: 'tiny', type: 'module', exports }))
    writeFileSync(
      join(root, 'tsconfig.json'),
      '{ "compilerOptions": { "strict": true, "types": [], "lib": ["es2023"] } }',
    )
    writeFileSync(join(root, 'src', 'index.ts'), index)
    return publicSurface(root)
  } finally {
    rmSync(root, { recursive: true })
  }
}

test('the report shows functions with inferred types, types as declared and the public part of classes, sorted', () => {
  const { report } = surfaceOf(`
    /** Doubles. */
    export const twice = (x: number, { by = 2 }: { by?: number } = {}) => [x * by]
    /** A size.
     * With more words. */
    export interface Size { /** wide */ width: number
      height?: number }
    /** A box. */
    export class Box { readonly #secret = 1; private hidden = 2; constructor(readonly width: number) {} area(): number { return this.#secret * this.hidden } }
    /** A limit. */
    export const limit: 3 | 4 = 3
  `)
  const lines = report.split('```ts\n')[1].split('\n```')[0].split('\n')
  assert.deepEqual(lines, [
    'class Box { new (width: number): Box; area(): number }',
    'interface Size { width: number; height?: number }',
    'const limit: 3 | 4',
    'function twice(x: number, { by }?: { by?: number | undefined }): number[]',
  ])
})

test('an export without a docstring and an entry point without a file are problems', () => {
  const { problems } = surfaceOf('export const bare = 1\n/** Said. */\nexport const said = 2\n')
  assert.deepEqual(problems, ["the source of 'tiny/gone' is missing", "tiny: 'bare' has no docstring"])
})
