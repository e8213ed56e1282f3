import { createWriteStream } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import pacote from 'pacote'
import { TubeletError } from '../errors.ts'
import { fileError, isAlive, partName, replaceFolder } from './disk.ts'

/** A package of a registry, pinned: the exact version and the SHA-512 that its archive must have. */
export interface PinnedPackage {
  name: string
  version: string
  /** Subresource integrity of the archive: `sha512-…` in base64. */
  integrity: string
  /** Size of the archive, which makes progress a share of a whole. */
  bytes: number
}

/** How far the download of one package is. */
export interface PackageProgress {
  name: string
  /** Bytes of the archive received so far, of `total`. */
  bytes: number
  total: number
  /** 'download' counts bytes; 'extract' unpacks them; 'ready' means that the folder is complete; 'cached' that it was there. */
  state: 'download' | 'extract' | 'ready' | 'cached'
}

/** Where packages are kept, and who hears of progress. */
export interface PackageOptions {
  /** Folder for archives and unpacked packages; default `cacheFolder()`. */
  cacheDir?: string
  onProgress?: (progress: PackageProgress) => void
  signal?: AbortSignal
}

/** The folder for things that can be fetched or computed again: `TUBELET_CACHE`, else `$XDG_CACHE_HOME/tubelet`, else `~/.cache/tubelet`. */
export function cacheFolder(): string {
  const { TUBELET_CACHE, XDG_CACHE_HOME } = process.env
  return TUBELET_CACHE || join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'tubelet')
}

/**
 * The folder of an unpacked package; downloads it once, checks its integrity, and finds it again on the next call.
 * Throws TubeletError('network') when it cannot be had, ('input') when the archive is not the pinned one or the folder
 * cannot be written.
 */
export async function fetchPackage(pinned: PinnedPackage, options: PackageOptions = {}): Promise<string> {
  const { name, version, integrity, bytes } = pinned
  const root = join(options.cacheDir ?? cacheFolder(), 'packages')
  const folder = join(root, `${name.replace('/', '+')}-${version}`)
  const report = (state: PackageProgress['state'], received: number) =>
    options.onProgress?.({ name, state, bytes: received, total: bytes })
  const isComplete = async () => (await readFile(join(folder, '.complete'), 'utf8').catch(() => '')) === integrity
  if (await isComplete()) {
    report('cached', bytes)
    return folder
  }
  if (options.signal?.aborted) throw stopped(`${name}@${version}`)
  const work = partName(folder)
  try {
    await removeLeftovers(root)
    await mkdir(work, { recursive: true })
    const archive = join(work, 'archive.tgz')
    const [unpacked, cache] = [join(work, 'unpacked'), join(work, 'cache')]
    const onBytes = (count: number) => report('download', count)
    await download(pinned, archive, { cache, signal: options.signal, onBytes })
    report('extract', bytes)
    await pacote.extract(`file:${archive}`, unpacked, { cache, integrity })
    await writeFile(join(unpacked, '.complete'), integrity)
    // Another process, or another call in this one, may have been faster; its folder may be in use by now, so it stays.
    await rename(unpacked, folder).catch(async () => {
      if (!(await isComplete())) await replaceFolder(unpacked, folder)
    })
  } catch (error) {
    throw notWritable(error) ? fileError(error, 'write', root) : packageError(pinned, error)
  } finally {
    // A download that was stopped may still write to its cache for a moment; what stays is removed by the next one.
    await rm(work, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 }).catch(() => {})
  }
  report('ready', bytes)
  return folder
}

/** Removes the work folders of processes that were killed. */
async function removeLeftovers(root: string): Promise<void> {
  for (const name of await readdir(root).catch(() => [])) {
    const pid = /\.(\d+)(-[0-9a-f]{8})?\.part$/.exec(name)?.[1]
    if (pid && !isAlive(Number(pid))) await rm(join(root, name), { recursive: true, force: true })
  }
}

// npm's own waits, 10 s and more, leave a person without a network before a silent screen for over a minute.
const patience = { fetchRetries: 3, fetchRetryMintimeout: 500, fetchRetryMaxtimeout: 4000 }

/** Streams a package's archive into a file; pacote checks the integrity and retries. */
async function download(
  { name, version, integrity }: PinnedPackage,
  file: string,
  { cache, signal, onBytes }: { cache: string; signal?: AbortSignal; onBytes: (bytes: number) => void },
): Promise<void> {
  const registry = process.env.npm_config_registry || undefined
  await pacote.tarball.stream(
    `${name}@${version}`,
    async (source) => {
      let received = 0
      const counter = new PassThrough()
      counter.on('data', (chunk: Uint8Array) => {
        received += chunk.length
        onBytes(received)
      })
      await pipeline(source, counter, createWriteStream(file), { signal })
    },
    // A cache of its own, removed afterwards: the default one would keep a second copy of every archive.
    { integrity, cache, signal, ...patience, ...(registry && { registry }) },
  )
}

/** Whether the cache folder is what went wrong; a connection that is not permitted has the same codes. */
function notWritable(error: unknown): boolean {
  const { code = '', syscall } = error as NodeJS.ErrnoException
  return syscall !== 'connect' && ['EACCES', 'EPERM', 'EROFS', 'EDQUOT', 'ENOSPC', 'ENOTDIR'].includes(code)
}

function packageError({ name, version, integrity }: PinnedPackage, error: unknown): TubeletError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const spec = `${name}@${version}`
  if (error instanceof Error && error.name === 'AbortError') return stopped(spec, error)
  if (code === 'EINTEGRITY') {
    return new TubeletError(
      'input',
      `the archive of ${spec} is not the expected one (${integrity}); try again or another registry`,
      {
        cause: error,
      },
    )
  }
  const reason = error instanceof Error ? error.message : String(error)
  return new TubeletError('network', `cannot fetch ${spec} from the package registry: ${reason}`, { cause: error })
}

function stopped(spec: string, cause?: Error): TubeletError {
  return new TubeletError('stopped', `the download of ${spec} was stopped`, { cause })
}
