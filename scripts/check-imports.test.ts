import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { checkImports } from './check-imports.ts'
import { type ImportRule, importRule } from './import-rule.ts'

const rule: ImportRule = { ...importRule, node: ['cli/*', 'files/disk.ts', 'runtime/node*'] }

/** The problems of a made-up tree: path → text. */
function problems(tree: Record<string, string>): string[] {
  const root = mkdtempSync(join(tmpdir(), 'tubelet-imports-'))
  try {
    for (const [path, text] of Object.entries({ 'src/errors.ts': '', ...tree })) {
      mkdirSync(dirname(join(root, path)), { recursive: true })
      writeFileSync(join(root, path), text)
    }
    return checkImports(root, rule)
  } finally {
    rmSync(root, { recursive: true })
  }
}

test('a tree that follows the direction has no problem', () => {
  const tree = {
    'src/graph/index.ts': "import { TubeletError } from '../errors.ts'",
    'src/ops/index.ts': "export * from './matmul.ts'",
    'src/ops/matmul.ts': "import { make } from '../graph/index.ts'",
    'src/nn/linear.ts': "import { matmul } from '../ops/index.ts'",
    'src/models/dit-blocks.ts': "import { linear } from '../nn/linear.ts'",
    'src/models/sora.ts': "import { modulate } from './dit-blocks.ts'",
    'src/files/disk.ts': "import { open } from 'node:fs/promises'",
    'src/cli/train.ts': "import { writeFileAtomic } from '../files/disk.ts'\nimport sharp from 'sharp'",
    'src/index.ts': "export * from './ops/index.ts'",
    'recipes/shapes.ts': "import { matmul } from 'tubelet'\nimport { size } from './size.ts'",
    'recipes/size.ts': '',
  }
  assert.deepEqual(problems(tree), [])
})

test('an import against the direction is named with file and line, also when it is of a type', () => {
  const tree = { 'src/nn/a.ts': '', 'src/ops/a.ts': "\nimport type { A } from '../nn/a.ts'" }
  assert.deepEqual(problems(tree), ['src/ops/a.ts:2: ops may not import nn (only graph)'])
})

test("re-exports, dynamic imports and import('…') types count as imports", () => {
  const tree = {
    'src/nn/a.ts': '',
    'src/graph/a.ts': "export * from '../nn/a.ts'",
    'src/graph/b.ts': "const a = await import('../nn/a.ts')",
    'src/graph/c.ts': "let a: import('../nn/a.ts').A",
  }
  const wanted = ['a', 'b', 'c'].map((name) => `src/graph/${name}.ts:1: graph may not import nn (only nothing)`)
  assert.deepEqual(problems(tree), wanted)
})

test('a folder that the rule does not list may import nothing', () => {
  assert.deepEqual(problems({ 'src/misc/a.ts': "import '../errors.ts'" }), [
    "src/misc/a.ts:1: 'misc' is not on the list of import-rule.ts",
  ])
})

test('a model imports another only where its paper does, and its own parts always', () => {
  const tree = {
    'src/models/vit.ts': "import './vit-embed.ts'",
    'src/models/vit-embed.ts': '',
    'src/models/clip.ts': "import './vit.ts'",
    'src/models/navit.ts': "import './clip.ts'",
    'src/models/index.ts': "export * from './clip.ts'",
  }
  assert.deepEqual(problems(tree), ['src/models/navit.ts:1: the model navit may not import the model clip'])
})

test('a cycle is printed as the way back to the first file, with type imports counted', () => {
  const tree = {
    'src/ops/a.ts': "import './b.ts'",
    'src/ops/b.ts': "import type { C } from './c.ts'",
    'src/ops/c.ts': "import './a.ts'",
    'src/ops/d.ts': "import './a.ts'",
  }
  assert.deepEqual(problems(tree), ['import cycle: src/ops/a.ts → src/ops/b.ts → src/ops/c.ts → src/ops/a.ts'])
})

test('node: and packages are for the files listed', () => {
  const tree = {
    'src/ops/a.ts': "import { readFileSync } from 'node:fs'",
    'src/cli/b.ts': "import { readFileSync } from 'fs'",
    'src/ops/c.ts': "import sharp from 'sharp'",
    'src/cli/d.ts': "import leftPad from 'left-pad'",
    'src/data/e.ts': "import sharp from 'sharp'",
  }
  assert.deepEqual(problems(tree), [
    "src/cli/b.ts:1: write 'node:fs'",
    "src/cli/d.ts:1: the package 'left-pad' is not on the list of import-rule.ts",
    "src/data/e.ts:1: 'sharp' needs Node, and this file is not on the list of those",
    "src/ops/a.ts:1: 'node:fs' needs Node, and this file is not on the list of those",
    "src/ops/c.ts:1: 'sharp' may be imported by files/*, data/*, cli/* only",
  ])
})

test('a portable entry that reaches Node is shown with the way there; an erased import is no way', () => {
  const tree = {
    'src/index.ts': "import type { Disk } from './files/disk.ts'\nexport * from './data/clips.ts'",
    'src/data/clips.ts': "import '../files/disk.ts'",
    'src/files/disk.ts': '',
    'src/web.ts': "import type { Disk } from './files/disk.ts'",
  }
  assert.deepEqual(problems(tree), [
    'src/index.ts must run in a browser, but reaches a file for Node: src/index.ts → src/data/clips.ts → src/files/disk.ts',
  ])
})

test("a browser's global outside the web files is found; a name of one's own and a property are not", () => {
  const tree = {
    'src/ops/a.ts': 'export const width = window.innerWidth',
    'src/ops/b.ts':
      'export const f = (page: { document: string }, image: Image) => page.document + image\ninterface Image {}',
    'src/ops/c.ts': 'export const gpu = globalThis.navigator',
    'src/runtime/web.ts': 'export const gpu = navigator.gpu',
  }
  assert.deepEqual(problems(tree), [
    "src/ops/a.ts:1: 'window' is a browser's: it belongs in web.ts, runtime/web*",
    "src/ops/c.ts:1: 'navigator' is a browser's: it belongs in web.ts, runtime/web*",
  ])
})

test('an import without .ts, of a missing file or out of src/ is refused', () => {
  const tree = { 'src/ops/a.ts': "import './b'\nimport './c.ts'\nimport '../../test/d.ts'", 'src/ops/b.ts': '' }
  assert.deepEqual(problems(tree), [
    "src/ops/a.ts:1: './b' must end in .ts",
    "src/ops/a.ts:2: './c.ts' is no source file",
    "src/ops/a.ts:3: '../../test/d.ts' leaves src/",
  ])
})

test("a recipe imports the package's public name only", () => {
  assert.deepEqual(problems({ 'recipes/a.ts': "import '../src/index.ts'" }), [
    "recipes/a.ts:1: '../src/index.ts': import 'tubelet', not its files",
  ])
})

test('test files may import what they like', () => {
  assert.deepEqual(problems({ 'src/ops/a.test.ts': "import '../cli/b.ts'\nimport '../../test/c.ts'" }), [])
})
