import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { platform, tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { TubeletError } from '../errors.ts'
import { type Clip, onWhite } from '../files/clip.ts'
import type { Io } from './io.ts'

const run = promisify(execFile)

/** The version of the machine's ffmpeg, or undefined where there is none. */
export function ffmpegVersion(env: Io['env']): Promise<string | undefined> {
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
 * A clip as H.264 in MP4, on white, as MP4 has no transparency; repeated to last three seconds at least. `comment` is
 * kept as a tag of the file.
 */
export async function encodeMp4(
  clip: Clip,
  { comment, env }: { comment: string; env: Io['env'] },
): Promise<Uint8Array> {
  const folder = await mkdtemp(join(tmpdir(), 'tubelet-'))
  try {
    const [raw, made] = [join(folder, 'frames.rgb'), join(folder, 'clip.mp4')]
    await writeFile(raw, onWhite(clip))
    const fps = clip.fps || 12 // a still has none
    const loops = Math.max(1, Math.ceil((3 * fps) / clip.count))
    const source = ['-f', 'rawvideo', '-pix_fmt', 'rgb24', '-s', `${clip.width}x${clip.height}`, '-r', String(fps)]
    const coding = ['-c:v', 'libx264', '-pix_fmt', 'yuv420p', '-crf', '18', '-movflags', '+faststart']
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

/** The error where ffmpeg is needed and not there. */
export const ffmpegMissing = () =>
  new TubeletError('input', `writing .mp4 needs ffmpeg: ${ffmpegInstall()}; .webp, .gif and .png need nothing`)
