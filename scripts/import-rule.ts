// The import rule: what each folder of src/ may import, and which files may touch Node, a browser or a package.
// check-imports.ts reads it; style and reasons are in docs of the project's contributors (CONTRIBUTING.md).

/** What may import what. `scripts/check-imports.ts` holds a tree against it. */
export interface ImportRule {
  /** Folder of src/ (or a file right under it, without `.ts`) → the folders it may import beside its own. */
  readonly folders: Readonly<Record<string, readonly string[] | 'all'>>
  /** Folders that anything may import. */
  readonly everywhere: readonly string[]
  /** The models that reuse another one, as their papers do: importer → imported. */
  readonly models: Readonly<Record<string, readonly string[]>>
  /** Files that may import `node:` modules, and whatever imports those: path patterns under src/. */
  readonly node: readonly RegExp[]
  /** Files that may name a browser's globals. */
  readonly dom: readonly RegExp[]
  /** Package → the files that may import it. An unlisted package is an error. */
  readonly packages: Readonly<Record<string, readonly RegExp[]>>
  /** Entry points that must reach no Node-only file, else no bundler could take them. */
  readonly portable: readonly string[]
}

const nodeOnly = [
  /^runtime\/node/,
  /^cli\//,
  /^node\.ts$/,
  // Read or write the disk, the network or a codec; all else in files/ is bytes to arrays and back.
  /^files\/(checkpoint|disk|git|packages|png|run-folder|tar|video|webp)/,
]

/** The rule of this project, folder by folder from left to right of the data flow. */
export const importRule: ImportRule = {
  everywhere: ['errors'],
  folders: {
    errors: [],
    graph: [],
    random: [],
    files: [],
    ops: ['graph'],
    transform: ['graph', 'ops'],
    nn: ['graph', 'ops'],
    diffusion: ['graph', 'ops'],
    onnx: ['graph'],
    runtime: ['graph', 'onnx'],
    models: ['graph', 'ops', 'nn'],
    data: ['files', 'random'],
    train: ['graph', 'ops', 'nn', 'transform', 'runtime', 'random'],
    generate: ['graph', 'ops', 'nn', 'models', 'diffusion', 'runtime', 'data', 'files', 'random'],
    cli: 'all',
    index: 'all',
    node: 'all',
    web: 'all',
  },
  models: { clip: ['vit'], sora: ['dit'] },
  node: nodeOnly,
  dom: [/^runtime\/web/, /^web\.ts$/],
  packages: {
    'onnx-proto': [/^onnx\//],
    'onnxruntime-node': [/^runtime\/node/, /^cli\/doctor/],
    'onnxruntime-web': [/^runtime\/(web|node)/],
    pacote: [/^files\/packages/],
    'tar-stream': [/^files\/tar/],
    sharp: [/^files\//, /^data\//, /^cli\//],
    zod: [/^(files|data|train|generate|cli)\//],
    commander: [/^cli\//],
    '@commander-js/extra-typings': [/^cli\//],
    i18next: [/^cli\//],
    jiti: [/^cli\//],
    'supports-terminal-graphics': [/^cli\//],
  },
  portable: ['index', 'web'],
}
