import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { publicSurface, type Surface } from './public-surface.ts'

function surfaceOf(index: string, others: Record<string, string> = {}): Surface {
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
    for (const [name, text] of Object.entries({ ...others, index }))
      writeFileSync(join(root, 'src', `${name}.ts`), text)
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

test('exports stand under the names by which they are exported, and those of a namespace under its name', () => {
  const nn =
    '/** A layer. */\nexport const linear = (width: number) => width\n/** A seed. */\nexport interface Seed { seed: number }'
  const { report, problems } = surfaceOf(
    "export * as nn from './nn.ts'\nexport type { Seed as Start } from './nn.ts'",
    { nn },
  )
  assert.deepEqual(
    report.split('```ts\n')[1].split('\n```')[0].split('\n'),
    [
      'interface Start { seed: number }',
      'function nn.linear(width: number): number',
      'interface nn.Seed { seed: number }',
    ].sort((a, b) => (a.split(' ')[1] < b.split(' ')[1] ? -1 : 1)),
  )
  assert.deepEqual(problems, ["the source of 'tiny/gone' is missing"])
})
