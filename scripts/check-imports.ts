import { existsSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type ImportRule, importRule } from './import-rule.ts'
import { type Import, readImports, resolveImport, type SourceImports } from './imports.ts'

/** Where a tree breaks its import rule, one sentence each: `src/ops/conv.ts:3: ops may not import nn`. */
export function checkImports(root: string, rule: ImportRule): string[] {
  const files = readImports(join(root, 'src'))
  const known = new Set(files.map(({ path }) => path))
  const problems: string[] = []
  for (const file of files) {
    for (const found of file.imports) {
      const problem = importProblem(file.path, found, { rule, known })
      if (problem) problems.push(`src/${file.path}:${found.line}: ${problem}`)
    }
    if (matches(file.path, rule.dom)) continue
    for (const { name, line } of file.browserNames)
      problems.push(`src/${file.path}:${line}: '${name}' is a browser's: it belongs in ${rule.dom.join(', ')}`)
  }
  const graph = importGraph(files, known)
  problems.push(...cycles(graph.all).map((cycle) => `import cycle: ${cycle.map((path) => `src/${path}`).join(' → ')}`))
  problems.push(...nodeReached(graph.values, rule))
  problems.push(...rule.outside.flatMap((folder) => outsideProblems(root, folder)))
  return problems
}

interface Tree {
  rule: ImportRule
  known: ReadonlySet<string>
}

function importProblem(path: string, { specifier, typeOnly }: Import, { rule, known }: Tree): string | undefined {
  if (specifier.startsWith('.')) return relativeProblem(path, specifier, { rule, known })
  if (isBuiltin(specifier)) {
    if (!specifier.startsWith('node:')) return `write 'node:${specifier}'`
    return matches(path, rule.node) ? undefined : `'${specifier}' needs Node, and this file is not on the list of those`
  }
  const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
  const allowed = rule.packages[name]
  if (!allowed) return `the package '${name}' is not on the list of import-rule.ts`
  if (!matches(path, allowed)) return `'${name}' may be imported by ${allowed.join(', ')} only`
  if (rule.nodePackages.includes(name) && !typeOnly && !matches(path, rule.node))
    return `'${name}' needs Node, and this file is not on the list of those`
}

function relativeProblem(path: string, specifier: string, { rule, known }: Tree): string | undefined {
  const target = resolveImport(path, specifier)
  if (!/\.tsx?$/.test(specifier)) return `'${specifier}' must end in .ts`
  if (target.startsWith('..')) return `'${specifier}' leaves src/`
  if (!known.has(target)) return `'${specifier}' is no source file`
  const [from, to] = [part(path), part(target)]
  const allowed = rule.folders[from]
  if (!allowed) return `'${from}' is not on the list of import-rule.ts`
  if (from === to) return modelProblem(path, target, rule)
  if (allowed !== 'all' && !rule.everywhere.includes(to) && !allowed.includes(to))
    return `${from} may not import ${to} (only ${allowed.join(', ') || 'nothing'})`
}

/** A model may import another only as a part that its paper reuses; files named `MODEL-….ts` belong to MODEL. */
function modelProblem(path: string, target: string, rule: ImportRule): string | undefined {
  const [from, to] = [path, target].map((file) => /^models\/(.+)\.ts$/.exec(file)?.[1])
  if (from === undefined || to === undefined || rule.sharedByModels.includes(to)) return
  const allowed = rule.models[from]
  if (allowed === 'all' || allowed?.includes(to)) return
  if (to.startsWith(`${from}-`) || from.startsWith(`${to}-`)) return
  return `the model ${from} may not import the model ${to}`
}

/** Folder of src/ that a path is in, or the name of a file right under src/. */
const part = (path: string): string => path.split('/')[0].replace(/\.tsx?$/, '')

const matches = (path: string, patterns: readonly string[]): boolean =>
  patterns.some((pattern) => {
    const [head, tail] = pattern.split('*')
    return tail === undefined ? path === pattern : path.startsWith(head) && path.endsWith(tail)
  })

type Edges = ReadonlyMap<string, readonly string[]>

function importGraph(files: readonly SourceImports[], known: ReadonlySet<string>): { all: Edges; values: Edges } {
  const edges = (keep: (found: Import) => boolean): Edges =>
    new Map(
      files.map(({ path, imports }) => {
        const targets = imports.filter(keep).map(({ specifier }) => resolveImport(path, specifier))
        return [path, [...new Set(targets)].filter((target) => known.has(target))]
      }),
    )
  const relative = ({ specifier }: Import) => specifier.startsWith('.')
  return { all: edges(relative), values: edges((found) => relative(found) && !found.typeOnly) }
}

/** Cycles by depth-first search, each as the path from a file back to itself. */
function cycles(edges: Edges): string[][] {
  const done = new Set<string>()
  const found: string[][] = []
  const visit = (path: string, way: readonly string[]): void => {
    const start = way.indexOf(path)
    if (start >= 0) found.push([...way.slice(start), path])
    if (start >= 0 || done.has(path)) return
    for (const next of edges.get(path) ?? []) visit(next, [...way, path])
    done.add(path)
  }
  for (const path of edges.keys()) visit(path, [])
  return found
}

/** Entry points for browsers that reach a Node-only file, with the way there. */
function nodeReached(edges: Edges, rule: ImportRule): string[] {
  return rule.portable.flatMap((entry) => {
    const cameFrom = new Map<string, string | undefined>([[entry, undefined]])
    for (const path of cameFrom.keys()) {
      if (matches(path, rule.node)) {
        const way: string[] = []
        for (let at: string | undefined = path; at !== undefined; at = cameFrom.get(at)) way.unshift(`src/${at}`)
        return [`src/${entry} must run in a browser, but reaches a file for Node: ${way.join(' → ')}`]
      }
      for (const next of edges.get(path) ?? []) if (!cameFrom.has(next)) cameFrom.set(next, path)
    }
    return []
  })
}

/** Recipes, examples and pages are what a user could have written: they know the package's public name only. */
function outsideProblems(root: string, folder: string): string[] {
  if (!existsSync(join(root, folder))) return []
  return readImports(join(root, folder)).flatMap(({ path, imports }) =>
    imports
      .filter(({ specifier }) => specifier.startsWith('.') && resolveImport(path, specifier).startsWith('..'))
      .map(({ specifier, line }) => `${folder}/${path}:${line}: '${specifier}': import 'tubelet', not its files`),
  )
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const problems = checkImports(process.cwd(), importRule)
  for (const problem of problems) process.stderr.write(`${problem}\n`)
  process.exitCode = problems.length > 0 ? 1 : 0
}
