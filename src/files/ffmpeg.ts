import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { platform, tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { TubeletError } from '../errors.ts'
import { type Clip, onWhite } from './clip.ts'
import { fileError } from './disk.ts'

const run = promisify(execFile)

/** Variables of the process, of which PATH says where ffmpeg is. */
export type Environment = Readonly<Record<string, string | undefined>>

/** The version of the machine's ffmpeg, or undefined where there is none. */
export function ffmpegVersion(env: Environment): Promise<string | undefined> {
  return run('ffmpeg', ['-version'], { env: { ...env }, timeout: 10_000 }).then(
    ({ stdout }) => /^ffmpeg version (\S+)/.exec(stdout)?.[1],
    () => undefined,
  )
}

/** What to type to get ffmpeg on this system. */
export function ffmpegInstall(): string {
  if (platform() === 'darwin') return 'brew install ffmpeg'
  return platform() === 'win32' ? 'winget install ffmpeg' : 'sudo apt-get install ffmpeg'
}

/**
 * A clip as H.264 in MP4, on white, as MP4 has no transparency; repeated to last three seconds at least, and an odd side
 * made a pixel longer. `comment` is kept as a tag of the file.
 */
export async function encodeMp4(
  clip: Clip,
  { comment, env }: { comment: string; env: Environment },
): Promise<Uint8Array> {
  const folder = await mkdtemp(join(tmpdir(), 'tubelet-'))
  try {
    const [raw, made] = [join(folder, 'frames.rgb'), join(folder, 'clip.mp4')]
    await writeFile(raw, onWhite(clip))
    const fps = clip.fps || 12 // a still has none
    const loops = Math.max(1, Math.ceil((3 * fps) / clip.count))
    const source = ['-f', 'rawvideo', '-pix_fmt', 'rgb24', '-s', `${clip.width}x${clip.height}`, '-r', String(fps)]
    const even = ['-vf', 'pad=ceil(iw/2)*2:ceil(ih/2)*2:color=white'] // as yuv420p asks
    const coding = [...even, '-c:v', 'libx264', '-pix_fmt', 'yuv420p', '-crf', '18', '-movflags', '+faststart']
    const args = ['-stream_loop', String(loops - 1), ...source, '-i', raw, ...coding, '-metadata', `comment=${comment}`]
    await run('ffmpeg', ['-y', '-loglevel', 'error', ...args, made], { env: { ...env } })
    return await readFile(made)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') throw ffmpegMissing()
    throw new TubeletError('input', `ffmpeg could not make the .mp4 (${message.trim().split('\n').at(-1)})`, {
      cause: error,
    })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Longer side of the frames that are taken from a video, in pixels; models look at less. */
const side = 256

const mostFrames = 2048 // half a gigabyte

/** Which frames of a video are taken: about so many evenly over it, or so many a second. */
export type VideoFrames = { readonly count: number } | { readonly fps: number }

/**
 * Frames of a video, their longer side 256 pixels. Throws TubeletError('input') where there is no ffmpeg, where it finds
 * no pictures in the file, or where they are more than 2,048.
 */
export async function decodeVideo(
  path: string,
  { taken, env, name = path }: { taken: VideoFrames; env: Environment; name?: string },
): Promise<Clip> {
  const source = await sourceOf(path)
  try {
    // Without a file to write ffmpeg ends with an error, after it has told how long the video is.
    const told = await run('ffmpeg', ['-hide_banner', ...source], { env: { ...env } }).catch((error) => error)
    if (told.code === 'ENOENT') throw told
    const duration = lastTime('Duration: ', told.stderr) ?? (await countedDuration(source, env))
    const count = 'fps' in taken ? Math.max(1, Math.round(duration * taken.fps)) : taken.count
    if (count > mostFrames)
      throw new TubeletError('input', `${name}: ${count} frames are more than ${mostFrames}, the most that is read`)
    const pick = duration > 0 ? `fps=${count / duration},` : ''
    const fit = `scale=${side}:${side}:force_original_aspect_ratio=decrease,format=rgba`
    const taking = ['-map', '0:v:0', '-vf', `${pick}${fit}`, '-frames:v', String(count)]
    const args = ['-loglevel', 'error', ...source, ...taking, '-f', 'image2pipe', '-c:v', 'pam', '-']
    const maxBuffer = (count + 1) * side * side * 4
    const { stdout } = await run('ffmpeg', args, { env: { ...env }, encoding: 'buffer', maxBuffer })
    const frames = framesInPam(stdout)
    if (!frames?.count) throw new Error('it has no frames')
    return { ...frames, fps: duration > 0 ? frames.count / duration : 0 }
  } catch (error) {
    throw error instanceof TubeletError ? error : notRead(error as NodeJS.ErrnoException, name)
  }
}

/** A file as ffmpeg is told of it, and no other place that it may name; throws TubeletError('input') where it is not there. */
async function sourceOf(path: string): Promise<string[]> {
  await stat(path).catch((error) => {
    throw fileError(error, 'read', path)
  })
  return ['-nostdin', '-protocol_whitelist', 'file,pipe', '-i', `file:${path}`]
}

/** Pictures of one size in the format PAM, one after another, as frames; undefined where there is none. */
function framesInPam(bytes: Uint8Array): Omit<Clip, 'fps'> | undefined {
  const [head, width, height] =
    /^P7\nWIDTH (\d+)\nHEIGHT (\d+)\n.*?ENDHDR\n/s.exec(new TextDecoder('latin1').decode(bytes.subarray(0, 256))) ?? []
  if (head === undefined) return
  const [each, from] = [4 * Number(width) * Number(height), head.length]
  const count = Math.floor(bytes.length / (from + each))
  const frames = new Uint8Array(count * each)
  for (let t = 0; t < count; t++)
    frames.set(bytes.subarray((t + 1) * from + t * each, (t + 1) * (from + each)), t * each)
  return { frames, count, width: Number(width), height: Number(height) }
}

/** Seconds of the last time of day that stands after a word in what ffmpeg tells; undefined where there is none. */
function lastTime(word: string, told: string): number | undefined {
  const time = [...told.matchAll(new RegExp(`${word}(\\d+):(\\d+):([\\d.]+)`, 'g'))].at(-1)
  return time && 3600 * Number(time[1]) + 60 * Number(time[2]) + Number(time[3])
}

/** Seconds from the first frame to the last of a video that does not say how long it is, as one from a stream. */
async function countedDuration(source: readonly string[], env: Environment): Promise<number> {
  const count = ['-map', '0:v:0', '-c', 'copy', '-f', 'null', '-']
  const { stderr } = await run('ffmpeg', ['-loglevel', 'error', '-stats', ...source, ...count], { env: { ...env } })
  const duration = lastTime('time=', stderr)
  if (duration === undefined) throw new Error('it does not tell how long it is')
  return duration
}

/** The comment that a video holds, if any. Throws TubeletError('input') where there is no ffmpeg, or it cannot read it. */
export async function videoComment(path: string, env: Environment): Promise<string | undefined> {
  const args = ['-loglevel', 'error', ...(await sourceOf(path)), '-f', 'ffmetadata', '-']
  const { stdout } = await run('ffmpeg', args, { env: { ...env } }).catch((error) => {
    throw notRead(error, path)
  })
  const [, comment] = /^comment=((?:[^\\\n]|\\.)*)$/m.exec(stdout) ?? []
  return comment?.replace(/\\(.)/g, '$1')
}

/** Why ffmpeg could not read a video. */
function notRead(error: NodeJS.ErrnoException, name: string): TubeletError {
  if (error.code === 'ENOENT')
    return new TubeletError('input', `${name}: reading video needs ffmpeg: ${ffmpegInstall()}`, { cause: error })
  const reason = error.message.trim().split('\n').at(-1)
  return new TubeletError('input', `${name}: not a video that can be read (${reason})`, { cause: error })
}

/** The error where ffmpeg is needed and not there. */
export const ffmpegMissing = () =>
  new TubeletError('input', `writing .mp4 needs ffmpeg: ${ffmpegInstall()}; .webp, .gif and .png need nothing`)
