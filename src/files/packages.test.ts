import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { pack } from 'tar-stream'
import { TubeletError } from '../errors.ts'
import { cacheFolder, fetchPackage, type PackageProgress, type PinnedPackage } from './packages.ts'

let server: Server
let dir: string
let requests = 0
let pinned: PinnedPackage
const { npm_config_registry: registryBefore } = process.env

/** A registry on this machine with one package, `@toy/shapes`. */
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tubelet-packages-'))
  const archive = pack()
  archive.entry({ name: 'package/package.json' }, '{"name":"@toy/shapes","version":"1.2.3"}')
  archive.entry({ name: 'package/assets/1f600.webp' }, 'a picture')
  archive.entry({ name: '../../escaped.txt' }, 'outside')
  archive.finalize()
  const chunks: Uint8Array[] = []
  for await (const chunk of archive as AsyncIterable<Uint8Array>) chunks.push(chunk)
  const tarball = gzipSync(Buffer.concat(chunks))
  const integrity = `sha512-${createHash('sha512').update(tarball).digest('base64')}`
  pinned = { name: '@toy/shapes', version: '1.2.3', integrity, bytes: tarball.length }
  server = createServer((request, response) => {
    requests++
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    // The slow package stops in the middle, as a stalled line does.
    if (request.url?.endsWith('slow-1.2.3.tgz')) return response.write(tarball.subarray(0, 100))
    if (request.url?.endsWith('.tgz')) return response.end(tarball)
    const name = /shapes|slow/.exec(request.url ?? '')?.[0]
    if (!name) return response.writeHead(404).end('{}')
    const dist = { tarball: `${base}/${name}-1.2.3.tgz`, integrity }
    const versions = { '1.2.3': { name: `@toy/${name}`, version: '1.2.3', dist } }
    response.setHeader('content-type', 'application/json')
    return response.end(JSON.stringify({ name: `@toy/${name}`, 'dist-tags': { latest: '1.2.3' }, versions }))
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  process.env.npm_config_registry = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
})
after(async () => {
  if (registryBefore === undefined) delete process.env.npm_config_registry
  else process.env.npm_config_registry = registryBefore
  server.closeAllConnections()
  await new Promise((done) => server.close(done))
  await rm(dir, { recursive: true, force: true })
})

test('a package is fetched once, with progress, and nothing lands outside of its folder', async () => {
  const cacheDir = join(dir, 'one')
  const seen: PackageProgress[] = []
  const folder = await fetchPackage(pinned, { cacheDir, onProgress: (progress) => seen.push(progress) })
  assert.equal(await readFile(join(folder, 'assets', '1f600.webp'), 'utf8'), 'a picture')
  assert.deepEqual([...new Set(seen.map(({ state }) => state))], ['download', 'extract', 'ready'])
  assert.equal(seen.findLast(({ state }) => state === 'download')?.bytes, pinned.bytes)
  assert.deepEqual(await readdir(join(cacheDir, 'packages')), ['@toy+shapes-1.2.3'])
  assert.ok(!(await readdir(dir)).includes('escaped.txt') && !(await readdir(cacheDir)).includes('escaped.txt'))
  const before = requests
  const again: string[] = []
  assert.equal(await fetchPackage(pinned, { cacheDir, onProgress: ({ state }) => again.push(state) }), folder)
  assert.deepEqual([again, requests], [['cached'], before])
})

test('an archive that is not the pinned one is refused, and leaves nothing', async () => {
  const cacheDir = join(dir, 'two')
  const other = { ...pinned, integrity: `sha512-${createHash('sha512').update('other').digest('base64')}` }
  await assert.rejects(fetchPackage(other, { cacheDir }), (error) => {
    assert.ok(error instanceof TubeletError && error.code === 'input', String(error))
    assert.match(error.message, /the archive of @toy\/shapes@1\.2\.3 is not the expected one/)
    return true
  })
  assert.deepEqual(await readdir(join(cacheDir, 'packages')), [])
})

test('a half-unpacked folder, left by a kill, is fetched again', async () => {
  const cacheDir = join(dir, 'three')
  const folder = join(cacheDir, 'packages', '@toy+shapes-1.2.3')
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'half.txt'), '')
  assert.equal(await fetchPackage(pinned, { cacheDir }), folder)
  assert.deepEqual((await readdir(folder)).sort(), ['.complete', 'assets', 'package.json'])
})

test('calls that fetch one package at the same time all get it, and leave nothing else', async () => {
  const cacheDir = join(dir, 'seven')
  const folders = await Promise.all([1, 2, 3].map(() => fetchPackage(pinned, { cacheDir })))
  assert.equal(new Set(folders).size, 1)
  assert.equal(await readFile(join(folders[0], 'assets', '1f600.webp'), 'utf8'), 'a picture')
  assert.deepEqual(await readdir(join(cacheDir, 'packages')), ['@toy+shapes-1.2.3'])
})

test('a folder that another process completes meanwhile stays as it is', async () => {
  const cacheDir = join(dir, 'eight')
  const folder = join(cacheDir, 'packages', '@toy+shapes-1.2.3')
  const onProgress = ({ state }: PackageProgress) => {
    if (state !== 'extract') return
    mkdirSync(folder)
    writeFileSync(join(folder, '.complete'), pinned.integrity)
  }
  assert.equal(await fetchPackage(pinned, { cacheDir, onProgress }), folder)
  assert.deepEqual(await readdir(folder), ['.complete'])
})

test('a cache folder that cannot be written is told as that, not as a failure of the network', async () => {
  const cacheDir = join(dir, 'file')
  await writeFile(cacheDir, '')
  const message = /^cannot write \S+packages: a part of the path is a file, not a folder$/
  await assert.rejects(fetchPackage(pinned, { cacheDir }), { code: 'input', message })
})

test('a package that the registry does not have is a network error that names it', async () => {
  await assert.rejects(fetchPackage({ ...pinned, name: '@toy/absent' }, { cacheDir: join(dir, 'four') }), (error) => {
    assert.ok(error instanceof TubeletError && error.code === 'network', String(error))
    assert.match(error.message, /cannot fetch @toy\/absent@1\.2\.3 from the package registry/)
    return true
  })
})

test('a signal stops a download that is under way, and leaves no package', async () => {
  const cacheDir = join(dir, 'five')
  const stop = new AbortController()
  const onProgress = ({ state }: PackageProgress) => state === 'download' && stop.abort()
  await assert.rejects(
    fetchPackage({ ...pinned, name: '@toy/slow' }, { cacheDir, signal: stop.signal, onProgress }),
    (error) => error instanceof TubeletError && error.code === 'stopped' && /@toy\/slow@1\.2\.3/.test(error.message),
  )
  assert.ok(!(await readdir(join(cacheDir, 'packages'))).includes('@toy+slow-1.2.3'))
})

test('what a killed process left is removed by the next download', async () => {
  const cacheDir = join(dir, 'six')
  const left = join(cacheDir, 'packages', '@toy+shapes-1.2.3.999999999.part')
  await mkdir(left, { recursive: true })
  await fetchPackage(pinned, { cacheDir })
  assert.deepEqual(await readdir(join(cacheDir, 'packages')), ['@toy+shapes-1.2.3'])
})

test('the cache folder can be moved', () => {
  const { TUBELET_CACHE } = process.env
  process.env.TUBELET_CACHE = '/somewhere'
  assert.equal(cacheFolder(), '/somewhere')
  if (TUBELET_CACHE === undefined) delete process.env.TUBELET_CACHE
  else process.env.TUBELET_CACHE = TUBELET_CACHE
})
