/** What may import what; a pattern is a path under src/ in which `*` stands for anything. */
export interface ImportRule {
  /** Folder of src/, or a file right under it without `.ts` → the ones it may import beside its own. */
  readonly folders: Readonly<Record<string, readonly string[] | 'all'>>
  /** Folders that all may import. */
  readonly everywhere: readonly string[]
  /** Models that reuse another as a part, as their papers do, and tables of models: importer → imported. */
  readonly models: Readonly<Record<string, readonly string[] | 'all'>>
  /** Files of models/ that are no model, and that all models may import. */
  readonly sharedByModels: readonly string[]
  /** Files that run in Node alone: only they may import `node:` modules and the packages of `nodePackages`. */
  readonly node: readonly string[]
  /** Files that may name a browser's globals. */
  readonly dom: readonly string[]
  /** Package → the files that may import it; a package that is not listed is refused. */
  readonly packages: Readonly<Record<string, readonly string[]>>
  /** Packages that run in Node alone. */
  readonly nodePackages: readonly string[]
  /** Entry points that must not reach a file of `node`, so that a bundler can take them. */
  readonly portable: readonly string[]
  /** Folders beside src/ that may import the package by its public name, but none of its files. */
  readonly outside: readonly string[]
}

/** The rule of this project; the order of the folders is the way data flows. */
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
    metrics: ['random'],
    train: ['graph', 'ops', 'nn', 'transform', 'runtime', 'random'],
    reproduce: ['runtime', 'train'],
    explain: ['reproduce'], // the type of words in both languages
    generate: ['graph', 'ops', 'nn', 'models', 'diffusion', 'runtime', 'data', 'metrics', 'files', 'random'],
    cli: 'all',
    index: 'all',
    node: 'all',
    web: 'all',
  },
  models: {
    'image-encoder': ['resnet', 'vgg', 'vit'],
    clip: ['image-encoder', 'vit', 'vit-blocks'],
    siglip: ['clip'], // the same two towers under another loss
    vivit: ['vit', 'vit-blocks'],
    'vivit-init': ['vivit'],
    captioner: ['clip', 'vit-blocks'], // it sees through CLIP's image side
    vae: ['unet-blocks'], // latent diffusion builds its autoencoder from the blocks of DDPM
    'vq-vae': ['vae'], // the same halves around a codebook
    'wan-vae': ['vae'],
    unet: ['spatial-transformer'], // with text, as in latent diffusion
    'unet-blocks': ['spatial-transformer'],
    sora: ['dit-blocks'],
    'sora-packed': ['sora'], // the same network on rows of several samples
    index: 'all',
    published: 'all',
  },
  sharedByModels: ['activation', 'config-fields'],
  node: [
    'node.ts',
    'cli/*',
    'runtime/node*',
    // The rest of files/ turns bytes into arrays and back, anywhere; these read or write the disk, the network, a codec.
    'files/checkpoint.ts',
    'files/disk.ts',
    'files/ffmpeg.ts',
    'files/git.ts',
    'files/hash.ts',
    'files/json-lines.ts',
    'files/model-parts.ts',
    'files/packages.ts',
    'files/picture-file.ts',
    'files/picture-grid.ts',
    'files/run-folder.ts',
    'files/run-list.ts',
    'files/run-lock.ts',
    'files/shipped.ts',
    'files/tar.ts',
    'files/vector-file.ts',
    'files/webp.ts',
    // These build and read data sets on a disk.
    'data/build*',
    'data/captions.ts',
    'data/clips.ts',
    'data/contact-sheet.ts',
    'data/dataset.ts',
    'data/drawings.ts',
    'data/drawing-set.ts',
    'data/emoji*',
    'data/folder*',
    'data/inspect.ts',
    'data/journal.ts',
    'data/labels.ts',
    'data/licences.ts',
    'data/made*',
    'data/mixture-file.ts',
    'data/mnist.ts',
    'data/prompted-drawings.ts',
    'data/shards.ts',
    // These open model folders and keep what was computed.
    'generate/class-cache.ts',
    'generate/drawn-latents.ts',
    'generate/encoded-pictures.ts',
    'generate/evaluate.ts',
    'generate/feature-pipelines.ts',
    'generate/image-search-pipeline.ts',
    'generate/latent-cache.ts',
    'generate/latent-set.ts',
    'generate/latents.ts',
    'generate/model-folder.ts',
    'generate/open-caption-writer.ts',
    'generate/open-text-to-video.ts',
    'generate/picture-index.ts',
    'generate/pipeline*',
    'generate/text-cache.ts',
    'generate/text-to-video-pipeline.ts',
    'generate/zero-shot-pipeline.ts',
  ],
  dom: ['web.ts', 'runtime/web*'],
  packages: {
    echarts: ['reproduce/chart.ts'],
    'onnx-proto': ['onnx/*'],
    'onnxruntime-node': ['runtime/node*', 'cli/doctor.ts'],
    'onnxruntime-web': ['runtime/web*', 'runtime/node*', 'cli/doctor.ts'],
    pacote: ['files/packages.ts'],
    sharp: ['files/*', 'data/*', 'cli/*'],
    'tar-stream': ['files/tar.ts'],
    'fastest-levenshtein': ['data/words.ts'],
    zod: ['files/*', 'data/*', 'diffusion/*', 'train/*', 'generate/*', 'cli/*'],
    '@commander-js/extra-typings': ['cli/*'],
    i18next: ['cli/*'],
    jiti: ['cli/*'],
    'supports-terminal-graphics': ['cli/*'],
  },
  nodePackages: [
    'onnxruntime-node',
    'pacote',
    'sharp',
    'tar-stream',
    'jiti',
    'supports-terminal-graphics',
    '@commander-js/extra-typings',
  ],
  portable: ['index.ts', 'web.ts'],
  outside: ['recipes', 'reproductions', 'examples', 'web'],
}
