import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import ts from 'typescript'

/** What a package offers, as Markdown, and what is wrong with it. */
export interface Surface {
  readonly report: string
  readonly problems: readonly string[]
}

/** Reads every entry point of package.json's `exports`; each export of each one is a line with its type. */
export function publicSurface(root: string): Surface {
  const entries = entryPoints(root)
  const problems = entries
    .filter(({ file }) => !existsSync(file))
    .map(({ name }) => `the source of '${name}' is missing`)
  const program = ts.createProgram(
    entries.map(({ file }) => file),
    compilerOptions(root),
  )
  const sections = entries.map(({ name, file }) => {
    const source = program.getSourceFile(file)
    const lines = source ? exportsOf(source, program.getTypeChecker()) : []
    problems.push(
      ...lines.filter(({ documented }) => !documented).map((line) => `${name}: '${line.name}' has no docstring`),
    )
    return `## \`${name}\`\n\n\`\`\`ts\n${lines.map(({ text }) => text).join('\n')}\n\`\`\`\n`
  })
  const head =
    '# Public surface\n\nEverything that the package exports. Written by `npm run surface`; `npm run check` compares.\n'
  return { report: [head, ...sections].join('\n'), problems }
}

function entryPoints(root: string): { name: string; file: string }[] {
  const { name, exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    name: string
    exports: Record<string, { source: string }>
  }
  return Object.entries(exports)
    .filter(([, { source }]) => source)
    .map(([path, { source }]) => ({ name: name + path.slice(1), file: join(root, source) }))
}

function compilerOptions(root: string): ts.CompilerOptions {
  const path = join(root, 'tsconfig.json')
  return ts.parseJsonConfigFileContent(ts.readConfigFile(path, ts.sys.readFile).config, ts.sys, root).options
}

interface Line {
  name: string
  text: string
  documented: boolean
}

/** The exports of a module; those of a namespace, `export * as nn`, stand under its name. */
function exportsOf(source: ts.SourceFile, checker: ts.TypeChecker): Line[] {
  const module = checker.getSymbolAtLocation(source)
  return module ? linesOf(module, '', checker).sort((a, b) => (a.name < b.name ? -1 : 1)) : []
}

function linesOf(module: ts.Symbol, prefix: string, checker: ts.TypeChecker): Line[] {
  return checker.getExportsOfModule(module).flatMap((exported) => {
    const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported
    const name = prefix + exported.name
    if (symbol.flags & ts.SymbolFlags.ValueModule) return linesOf(symbol, `${name}.`, checker)
    const documented = symbol.getDocumentationComment(checker).length > 0
    return [{ name, text: signature(name, symbol, checker), documented }]
  })
}

const format = ts.TypeFormatFlags.NoTruncation | ts.TypeFormatFlags.UseAliasDefinedOutsideCurrentScope

/** One line that a caller could read: values by their inferred type, types by their declaration. */
function signature(name: string, symbol: ts.Symbol, checker: ts.TypeChecker): string {
  const declaration = symbol.declarations?.[0]
  if (!declaration) return name
  if (ts.isInterfaceDeclaration(declaration) || ts.isTypeAliasDeclaration(declaration))
    return oneLine(declaration, name)
  if (ts.isClassDeclaration(declaration)) return classLine(name, declaration, checker)
  const type = checker.getTypeOfSymbolAtLocation(symbol, declaration)
  const calls = type.getCallSignatures()
  if (calls.length === 0) return squeeze(`const ${name}: ${checker.typeToString(type, undefined, format)}`)
  return calls
    .map((call) => squeeze(`function ${name}${checker.signatureToString(call, undefined, format)}`))
    .join('\n')
}

function classLine(name: string, node: ts.ClassDeclaration, checker: ts.TypeChecker): string {
  const heritage = node.heritageClauses?.map((clause) => ` ${clause.getText()}`).join('') ?? ''
  const members = node.members.filter(
    (member) =>
      !(member.name && ts.isPrivateIdentifier(member.name)) &&
      !(ts.getCombinedModifierFlags(member) & (ts.ModifierFlags.Private | ts.ModifierFlags.Protected)),
  )
  const shown = members.map((member) => {
    if (ts.isPropertyDeclaration(member)) {
      return `${member.name.getText()}: ${checker.typeToString(checker.getTypeAtLocation(member), undefined, format)}`
    }
    const call = checker.getSignatureFromDeclaration(member as ts.SignatureDeclaration)
    if (!call) return ''
    const text = checker.signatureToString(call, undefined, format)
    return ts.isConstructorDeclaration(member) ? `new ${text}` : `${member.name?.getText()}${text}`
  })
  return squeeze(`class ${name}${heritage} { ${shown.join('; ')} }`)
}

const printer = ts.createPrinter({ removeComments: true })

/** A type as it is declared, under the name by which it is exported. */
function oneLine(node: ts.InterfaceDeclaration | ts.TypeAliasDeclaration, name: string): string {
  const text = printer.printNode(ts.EmitHint.Unspecified, node, node.getSourceFile())
  return squeeze(text.replace(/^export /, '').replace(node.name.text, name))
}

const squeeze = (text: string): string => text.replace(/\s+/g, ' ').replace(/;? }/g, ' }').replace(/;$/, '')

/** The first line in which two reports differ, as a person wants to see it. */
function firstDifference(committed: string, now: string): string {
  const [old, fresh] = [committed.split('\n'), now.split('\n')]
  const removed = old.filter((line) => !fresh.includes(line)).map((line) => `- ${line}`)
  const added = fresh.filter((line) => !old.includes(line)).map((line) => `+ ${line}`)
  return [...removed, ...added].slice(0, 20).join('\n')
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const path = join(process.cwd(), 'docs', 'api.md')
  const { report, problems } = publicSurface(process.cwd())
  const committed = existsSync(path) ? readFileSync(path, 'utf8') : ''
  for (const problem of problems) process.stderr.write(`${problem}\n`)
  if (process.argv.includes('--write')) writeFileSync(path, report)
  else if (report !== committed) {
    process.stderr.write(`docs/api.md differs from what the package exports; if that is meant: npm run surface\n`)
    process.stderr.write(`${firstDifference(committed, report)}\n`)
    process.exitCode = 1
  }
  if (problems.length > 0) process.exitCode = 1
}
