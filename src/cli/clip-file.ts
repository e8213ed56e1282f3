import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import { promisify } from 'node:util'
import { TubeletError } from '../errors.ts'
import { type Clip, frameOf } from '../files/clip.ts'
import { writeFileAtomic } from '../files/disk.ts'
import { encodeGif, encodeStrip, encodeWebp } from '../files/webp.ts'

/** File endings of clips. */
const clipEndings = ['.webp', '.gif', '.png', '.mp4'] as const

/** Throws TubeletError('usage') where a clip cannot be written under that name, before anything is drawn. */
export function checkClipName(path: string) {
  if (!clipEndings.some((ending) => extname(path).toLowerCase() === ending))
    throw new TubeletError('usage', `${path}: the file must end in ${clipEndings.join(', ')}`)
}

/** Writes a clip by the ending of its name; `recipe` is stored in the file where its format can. */
export async function writeClip(path: string, clip: Clip, recipe: object): Promise<void> {
  const xmp = recipeXmp(recipe)
  switch (extname(path).toLowerCase()) {
    case '.webp':
      return writeFileAtomic(path, await encodeWebp(clip, { xmp }))
    case '.gif':
      return writeFileAtomic(path, await encodeGif(clip))
    case '.png':
      return writeFileAtomic(path, await encodeStrip(clip, { xmp }))
    default:
      return writeMp4(path, clip, recipe)
  }
}

/** The recipe as an XMP packet, which programs that keep metadata leave in place. */
function recipeXmp(recipe: object): string {
  const text = JSON.stringify(recipe).replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`)
  return `<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" xmlns:tubelet="https://tubelet.dev/ns/1.0/" tubelet:recipe="${text}"/></rdf:RDF></x:xmpmeta><?xpacket end="w"?>`
}

/** H.264 on white, by the ffmpeg of the machine: MP4 has no transparency. */
async function writeMp4(path: string, clip: Clip, recipe: object): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'tubelet-'))
  try {
    const raw = join(folder, 'frames.rgb')
    const loops = Math.max(1, Math.ceil((3 * clip.fps) / clip.count)) // three seconds at least
    await writeFile(raw, onWhite(clip))
    const size = `${clip.width}x${clip.height}`
    const input = [
      '-stream_loop',
      String(loops - 1),
      '-f',
      'rawvideo',
      '-pix_fmt',
      'rgb24',
      '-s',
      size,
      '-r',
      String(clip.fps),
      '-i',
      raw,
    ]
    const coding = [
      '-c:v',
      'libx264',
      '-pix_fmt',
      'yuv420p',
      '-crf',
      '18',
      '-movflags',
      '+faststart',
      '-metadata',
      `comment=${JSON.stringify(recipe)}`,
    ]
    await promisify(execFile)('ffmpeg', ['-y', '-loglevel', 'error', ...input, ...coding, path])
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      throw new TubeletError(
        'input',
        'writing .mp4 needs ffmpeg: sudo apt install ffmpeg, or brew install ffmpeg; .webp, .gif and .png need nothing',
      )
    throw new TubeletError(
      'input',
      `${path}: ffmpeg could not write it (${(error as Error).message.trim().split('\n').at(-1)})`,
    )
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function onWhite(clip: Clip): Uint8Array {
  const pixels = clip.width * clip.height
  const out = new Uint8Array(clip.count * pixels * 3)
  for (let t = 0; t < clip.count; t++) {
    const frame = frameOf(clip, t)
    for (let i = 0; i < pixels; i++) {
      const alpha = frame[4 * i + 3] / 255
      for (let c = 0; c < 3; c++) out[3 * (t * pixels + i) + c] = frame[4 * i + c] * alpha + 255 * (1 - alpha)
    }
  }
  return out
}
