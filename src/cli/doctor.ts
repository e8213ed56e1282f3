import { execFile } from 'node:child_process'
import { statfs } from 'node:fs/promises'
import { arch, availableParallelism, cpus, freemem, platform, release, totalmem } from 'node:os'
import { ffmpegInstall, ffmpegVersion } from '../files/ffmpeg.ts'
import { packageFolder } from '../files/shipped.ts'
import { input } from '../graph/index.ts'
import { toOnnx } from '../onnx/index.ts'
import { neg } from '../ops/index.ts'
import { command, exitCodes, type Shell } from './command.ts'
import type { Io } from './io.ts'
import type { Translate } from './messages/index.ts'
import { listModels } from './models.ts'
import { neededNode, packageVersion } from './package.ts'
import { bytes, padTo, textWidth } from './text.ts'

/** `tubelet doctor`: whether this machine has what tubelet needs, line by line; exit code 5 where it has not. */
export const doctorCommand = command({
  define: (command) => command,

  async run(_args, _options, shell) {
    const { io, t } = shell
    const ofMachine = [checkNode(t), checkMachine(t), checkMemory(t), checkDisk(io, t)]
    const ofParts = [checkEngine(t), checkWebgpu(t), checkBrowserEngine(t), checkPictures(t)]
    const checks = await Promise.all([...ofMachine, ...ofParts, checkVideo(io, t), checkModels(io, t)])
    const ready = checks.every(({ state }) => state !== 'problem')
    const details = Object.fromEntries(checks.map(({ name, state, ...rest }) => [name, { state, ...rest }]))
    shell.result({ tubelet: packageVersion(), ready, ...details }, report(checks, ready, shell))
    return ready ? exitCodes.done : exitCodes.memory
  },
})

/** One finding: what was looked at, whether it is as it should be, the words for people and the facts for programs. */
interface Check {
  readonly name: string
  readonly title: string
  readonly state: 'ok' | 'note' | 'problem'
  readonly text: string
  readonly [fact: string]: unknown
}

function report(checks: readonly Check[], ready: boolean, { t, paint }: Shell): string {
  const states = {
    ok: paint.green(t('doctor.ok')),
    note: paint.yellow(t('doctor.note')),
    problem: paint.red(t('doctor.problem')),
  }
  const stateWidth = Math.max(...(['ok', 'note', 'problem'] as const).map((state) => textWidth(t(`doctor.${state}`))))
  const titleWidth = Math.max(...checks.map(({ title }) => textWidth(title)))
  const line = ({ state, title, text }: Check) => {
    const blanks = ' '.repeat(stateWidth - textWidth(t(`doctor.${state}`)))
    return `${states[state]}${blanks}  ${padTo(title, titleWidth)}  ${text}`
  }
  const hasModel = checks.some(({ name, state }) => name === 'models' && state === 'ok')
  const next = ready ? t(hasModel ? 'doctor.ready' : 'doctor.readyToTrain') : t('doctor.notReady')
  return [...checks.map(line), '', next].join('\n')
}

async function checkNode(t: Translate): Promise<Check> {
  const { node: version } = process.versions
  const needed = neededNode()
  const enough = version.localeCompare(needed, 'en', { numeric: true }) >= 0
  const text = enough ? version : t('doctor.nodeOld', { version, needed: `>= ${needed}` })
  return { name: 'node', title: t('doctor.node'), state: enough ? 'ok' : 'problem', text, version }
}

async function checkMachine(t: Translate): Promise<Check> {
  const [cores, model] = [availableParallelism(), cpus()[0]?.model.trim() ?? '']
  const system = [model, `${platform()} ${release()} ${arch()}`].filter(Boolean).join(', ')
  const text = t('doctor.cores', { count: cores, system })
  return {
    name: 'machine',
    title: t('doctor.machine'),
    state: 'ok',
    text,
    cores,
    processor: model,
    platform: platform(),
    arch: arch(),
  }
}

async function checkMemory(t: Translate): Promise<Check> {
  // In a container the limit of the group counts, where one is set, not the machine's memory.
  const limit = process.constrainedMemory()
  const total = limit > 0 && limit < totalmem() ? limit : totalmem()
  const free = Math.min(total, process.availableMemory?.() ?? freemem())
  const low = free < 1.5 * 2 ** 30
  const text = t(low ? 'doctor.memoryLow' : 'doctor.memoryFree', { free: bytes(free), total: bytes(total) })
  return { name: 'memory', title: t('doctor.memory'), state: low ? 'note' : 'ok', text, free, total }
}

async function checkDisk({ cwd }: Io, t: Translate): Promise<Check> {
  const { bavail, bsize } = await statfs(cwd)
  const free = bavail * bsize
  const low = free < 2e9
  const text = t(low ? 'doctor.diskLow' : 'doctor.diskFree', { free: bytes(free), folder: cwd })
  return { name: 'disk', title: t('doctor.disk'), state: low ? 'note' : 'ok', text, free, folder: cwd }
}

async function checkEngine(t: Translate): Promise<Check> {
  const about = { name: 'engine', title: t('doctor.engine') }
  try {
    const { env, listSupportedBackends } = await import('onnxruntime-node')
    const version = env.versions.node ?? env.versions.common
    const devices = listSupportedBackends()
      .filter(({ bundled }) => bundled)
      .map(({ name }) => name)
    return { ...about, state: 'ok', text: `onnxruntime-node ${version} (${devices.join(', ')})`, version, devices }
  } catch (error) {
    return { ...about, state: 'problem', text: t('doctor.engineAbsent', { reason: firstLine(error) }) }
  }
}

/**
 * Whether a program runs on WebGPU: that the engine was built with it says nothing of the machine. A process of its own
 * tries, as a graphics driver may write on stderr or crash.
 */
async function checkWebgpu(t: Translate): Promise<Check> {
  const about = { name: 'webgpu', title: t('doctor.webgpu') }
  const model = Buffer.from(toOnnx({ y: neg(input('x', [1])) }, { target: 'webgpu' }).bytes).toString('base64')
  const probe =
    "require('onnxruntime-node').InferenceSession.create(Buffer.from(process.argv[1], 'base64')," +
    "{ executionProviders: ['webgpu'], logSeverityLevel: 4 }).then(() => process.exit(0), () => process.exit(1))"
  const options = { cwd: packageFolder, timeout: 30_000 }
  const available = await new Promise<boolean>((resolve) => {
    execFile(process.execPath, ['-e', probe, model], options, (error) => resolve(error === null))
  })
  const text = t(available ? 'doctor.webgpuReady' : 'doctor.webgpuAbsent')
  return { ...about, state: available ? 'ok' : 'note', text, available }
}

async function checkBrowserEngine(t: Translate): Promise<Check> {
  const about = { name: 'browserEngine', title: t('doctor.browserEngine') }
  try {
    const { env } = await import('onnxruntime-web')
    const version = env.versions.web ?? env.versions.common
    return { ...about, state: 'ok', text: `onnxruntime-web ${version}`, version }
  } catch (error) {
    return { ...about, state: 'note', text: firstLine(error) }
  }
}

async function checkPictures(t: Translate): Promise<Check> {
  const about = { name: 'pictures', title: t('doctor.pictures') }
  try {
    const { default: sharp } = await import('sharp')
    const { sharp: version, vips } = sharp.versions
    return { ...about, state: 'ok', text: `sharp ${version} (libvips ${vips}): .webp, .gif, .png`, version, vips }
  } catch (error) {
    return { ...about, state: 'problem', text: t('doctor.picturesAbsent', { reason: firstLine(error) }) }
  }
}

async function checkVideo({ env }: Io, t: Translate): Promise<Check> {
  const about = { name: 'video', title: t('doctor.video') }
  const version = await ffmpegVersion(env)
  if (version) return { ...about, state: 'ok', text: `ffmpeg ${version}: .mp4`, version }
  return { ...about, state: 'note', text: t('doctor.videoAbsent', { install: ffmpegInstall() }), version: null }
}

async function checkModels({ cwd }: Io, t: Translate): Promise<Check> {
  const models = await listModels(cwd)
  const text = models.map(({ name }) => name).join(', ') || t('doctor.modelsNone')
  return { name: 'models', title: t('doctor.models'), state: models.length > 0 ? 'ok' : 'note', text, found: models }
}

const firstLine = (error: unknown): string => (error instanceof Error ? error.message : String(error)).split('\n')[0]
