import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, posix, sep } from 'node:path'
import ts from 'typescript'

/** One import as it stands in a file. */
export interface Import {
  readonly specifier: string
  readonly line: number
  /** Vanishes when the file is compiled: `import type`, `export type … from`, `import('…').T`. */
  readonly typeOnly: boolean
}

/** What a source file names from elsewhere. */
export interface SourceImports {
  /** Path under the folder that was read, with `/`. */
  readonly path: string
  readonly imports: readonly Import[]
  /** Free names of a browser's globals, each with its line. */
  readonly browserNames: readonly { readonly name: string; readonly line: number }[]
}

const browserGlobal =
  /^(document|window|navigator|location|(local|session)Storage|indexedDB|requestAnimationFrame|(HTML|SVG)\w*Element|Image|ImageData|ImageBitmap|createImageBitmap|OffscreenCanvas\w*|CanvasRenderingContext2D|GPU\w+|WebGL\w+|VideoFrame|VideoEncoder|VideoDecoder|EncodedVideoChunk|XMLHttpRequest|FileReader|Worker|MediaRecorder)$/

/** Reads the imports of every TypeScript file under a folder, tests apart. */
export function readImports(folder: string): SourceImports[] {
  return listFiles(folder)
    .filter((path) => /\.tsx?$/.test(path) && !path.endsWith('.test.ts'))
    .map((path) => importsOf(path, readFileSync(join(folder, path), 'utf8')))
}

/** The file under the same folder that a relative import means. */
export const resolveImport = (from: string, specifier: string): string => posix.join(dirname(from), specifier)

function listFiles(folder: string): string[] {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  return names.map((name) => name.split(sep).join('/')).sort()
}

/** The imports and browser names in the text of one file. */
export function importsOf(path: string, text: string): SourceImports {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)
  const lineOf = (node: ts.Node) => source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1
  const imports: Import[] = []
  const browserNames: { name: string; line: number }[] = []
  const declared = new Set<string>()

  const visit = (node: ts.Node): void => {
    const found = importAt(node)
    if (found) imports.push({ ...found, line: lineOf(node) })
    if (ts.isIdentifier(node) && browserGlobal.test(node.text)) {
      if (declares(node)) declared.add(node.text)
      else if (refers(node)) browserNames.push({ name: node.text, line: lineOf(node) })
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return { path, imports, browserNames: browserNames.filter(({ name }) => !declared.has(name)) }
}

function importAt(node: ts.Node): Omit<Import, 'line'> | undefined {
  if (ts.isImportDeclaration(node))
    return named(node.moduleSpecifier, node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword)
  if (ts.isExportDeclaration(node) && node.moduleSpecifier) return named(node.moduleSpecifier, node.isTypeOnly)
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) return named(node.argument.literal, true)
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword && node.arguments[0])
    return named(node.arguments[0], false)
}

/** A specifier that is computed at run time cannot be checked here. */
const named = (node: ts.Node, typeOnly: boolean) =>
  ts.isStringLiteralLike(node) ? { specifier: node.text, typeOnly } : undefined

/** Whether the name is made here, so that it is not the browser's. */
function declares(node: ts.Identifier): boolean {
  const parent = node.parent as ts.Node & { name?: ts.Node }
  return parent.name === node && !ts.isPropertyAccessExpression(parent) && !isMember(parent)
}

/** Whether the name is looked up in a scope: not `x.name`, `{ name: … }` or the member of a type. */
function refers(node: ts.Identifier): boolean {
  const parent = node.parent as ts.Node & { name?: ts.Node }
  if (ts.isPropertyAccessExpression(parent))
    return parent.expression === node || parent.expression.getText() === 'globalThis'
  if (ts.isQualifiedName(parent)) return parent.left === node
  return !(parent.name === node && isMember(parent)) && !ts.isImportOrExportSpecifier(parent)
}

const isMember = (node: ts.Node): boolean =>
  ts.isPropertyAssignment(node) || ts.isPropertySignature(node) || ts.isClassElement(node) || ts.isTypeElement(node)
