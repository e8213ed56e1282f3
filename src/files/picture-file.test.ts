import assert from 'node:assert/strict'
import { chmod, mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import sharp from 'sharp'
import { scratchFolder } from '../../test/cli.ts'
import { pamOf } from '../../test/pam.ts'
import { decodePicture, findFiles, isMoving, picturesOf, readPicture } from './picture-file.ts'
import { encodeStrip } from './webp.ts'

const folder = await scratchFolder()
const at = (name: string) => join(folder, name)

/** Red on the left, blue on the right. */
const halves = Buffer.from(Array.from({ length: 16 * 8 }, (_, i) => (i % 16 < 8 ? [255, 0, 0] : [0, 0, 255])).flat())
const picture = () => sharp(halves, { raw: { width: 16, height: 8, channels: 3 } })

test('a photo is turned as its camera was held', async () => {
  // Orientation 6: what is stored on the left is the top.
  await picture().withMetadata({ orientation: 6 }).jpeg({ quality: 100 }).toFile(at('photo.jpg'))
  const { width, height, frames } = await readPicture(at('photo.jpg'))
  assert.deepEqual([width, height], [8, 16])
  const [red, , blue] = frames
  assert.ok(red > 200 && blue < 60)
  assert.ok(frames[4 * 8 * 15] < 60 && frames[4 * 8 * 15 + 2] > 200)
})

test('a drawing has the pixels that it is drawn with, whatever size it says', async () => {
  await writeFile(at('a.svg'), '<svg xmlns="http://www.w3.org/2000/svg" width="3" height="3"/>')
  const { width, height, count } = await readPicture(at('a.svg'))
  assert.deepEqual([width, height, count], [512, 512, 1])
})

test('only a strip that tubelet wrote is taken apart', async () => {
  await picture().png().toFile(at('wide.png'))
  assert.equal((await readPicture(at('wide.png'))).count, 1)
  assert.equal(await isMoving(at('wide.png')), false)
  const xmp = '<x:xmpmeta xmlns:x="adobe:ns:meta/" xmlns:t="t" tubelet:recipe="{}"'
  await picture().withXmp(`${xmp}/>`).png().toFile(at('still.png'))
  assert.equal((await readPicture(at('still.png'))).count, 1)
  await picture().withXmp(`${xmp} tubelet:frames="2"/>`).png().toFile(at('strip.png'))
  assert.equal(await isMoving(at('strip.png')), true)
  const { width, count, frames } = await readPicture(at('strip.png'))
  assert.deepEqual([width, count], [8, 2])
  assert.deepEqual([...frames.subarray(0, 3), ...frames.subarray(4 * 64, 4 * 64 + 3)], [255, 0, 0, 0, 0, 255])
})

test('frames of any shape come back from a strip, and one that was cut is a picture', async () => {
  for (const [width, height] of [
    [4, 6],
    [6, 4],
    [6, 3],
  ]) {
    const frames = Uint8Array.from({ length: 3 * width * height * 4 }, (_, i) => (i % 4 === 3 ? 255 : i % 251))
    const strip = await encodeStrip(
      { frames, count: 3, width, height, fps: 5 },
      { xmp: '<x:xmpmeta xmlns:x="adobe:ns:meta/" tubelet:frames="3"/>' },
    )
    assert.deepEqual(await decodePicture(strip), { frames, count: 3, width, height, fps: 0 })
    const cut = await sharp(strip)
      .extract({ left: 1, top: 0, width: 3 * width - 1, height })
      .keepMetadata()
      .toBuffer()
    assert.equal((await decodePicture(cut)).count, 1)
  }
})

/** A file with the frames that a video has for a stand-in of ffmpeg. */
async function pamFile(name: string, frames: Uint8Array, size: { width: number; height: number }): Promise<string> {
  await writeFile(at(name), pamOf(frames, size))
  return at(name)
}

test('of a video frames are taken evenly, at the rate that its length asks for, in its own shape', async () => {
  const bin = at('bin')
  await mkdir(bin)
  // Stands for ffmpeg: tells a length of two seconds, then writes three frames, and its arguments beside them.
  const frames = Uint8Array.from({ length: 3 * 256 * 144 * 4 }, (_, i) => i % 251)
  const pam = await pamFile('wide.pam', frames, { width: 256, height: 144 })
  const script = `#!/bin/sh\ncase "$*" in *image2pipe*) printf '%s' "$*" > '${at('asked')}'; cat '${pam}';; *) echo '  Duration: 00:00:02.00, start' >&2; exit 1;; esac\n`
  await writeFile(join(bin, 'ffmpeg'), script)
  await chmod(join(bin, 'ffmpeg'), 0o755)
  await writeFile(at('clip.mp4'), '')
  const options = { env: { PATH: `${bin}:${process.env.PATH}` } }
  const clip = await readPicture(at('clip.mp4'), options)
  assert.deepEqual([clip.count, clip.width, clip.height, clip.fps], [3, 256, 144, 1.5])
  assert.deepEqual(clip.frames, frames)
  assert.match(
    await readFile(at('asked'), 'utf8'),
    /-i file:\/.*clip\.mp4 .*-vf fps=8,scale=256:256.*,format=rgba -frames:v 16 /,
  )
  await readPicture(at('clip.mp4'), { ...options, video: { count: 5 } })
  assert.match(await readFile(at('asked'), 'utf8'), /-vf fps=2\.5,.* -frames:v 5 /)
  await readPicture(at('clip.mp4'), { ...options, video: { fps: 12 } })
  assert.match(await readFile(at('asked'), 'utf8'), /-vf fps=12,.* -frames:v 24 /)
  const long = { code: 'input', message: /clip\.mp4: 4000 frames are more than 2048, the most that is read$/ }
  await assert.rejects(readPicture(at('clip.mp4'), { ...options, video: { fps: 2000 } }), long)
  assert.equal(await isMoving(at('clip.mp4')), true)
})

test('the length of a video that does not tell it is counted, and one that cannot be counted is refused', async () => {
  const bin = at('counting')
  await mkdir(bin)
  const pam = await pamFile('square.pam', new Uint8Array(3 * 256 * 256 * 4), { width: 256, height: 256 })
  const fake = async (counted: string) => {
    const script = `#!/bin/sh\ncase "$*" in *image2pipe*) printf '%s' "$*" > '${at('asked')}'; cat '${pam}';; *'-c copy -f null -') printf '${counted}' >&2;; *) echo '  Duration: N/A, start' >&2; exit 1;; esac\n`
    await writeFile(join(bin, 'ffmpeg'), script)
    await chmod(join(bin, 'ffmpeg'), 0o755)
    return readPicture(at('live.webm'), { env: { PATH: `${bin}:${process.env.PATH}` } })
  }
  await writeFile(at('live.webm'), '')
  const { count, fps } = await fake('frame=1 time=00:00:00.00 speed=N/A \\rframe=40 time=00:01:04.00 speed=9x \\n')
  assert.deepEqual([count, fps], [3, 3 / 64])
  assert.match(await readFile(at('asked'), 'utf8'), /-vf fps=0\.25,/)
  const unknown = /live\.webm: not a video that can be read \(it does not tell how long it is\)$/
  await assert.rejects(fake('frame=0 time=N/A speed=N/A'), { code: 'input', message: unknown })
})

test('a video without ffmpeg, and one that ffmpeg does not understand, are told apart', async () => {
  await writeFile(at('none.mp4'), '')
  const missing = { code: 'input', message: /none\.mp4: reading video needs ffmpeg: .* install ffmpeg$/ }
  await assert.rejects(readPicture(at('none.mp4'), { env: { PATH: at('nowhere') } }), missing)
  await assert.rejects(readPicture(at('absent.mp4')), { code: 'input', message: /absent\.mp4: no such file/ })
  const bin = at('failing')
  await mkdir(bin)
  await writeFile(join(bin, 'ffmpeg'), '#!/bin/sh\necho some >&2\necho "Invalid data" >&2\nexit 1\n')
  await chmod(join(bin, 'ffmpeg'), 0o755)
  const damaged = { code: 'input', message: /none\.mp4: not a video that can be read \(Invalid data\)$/ }
  await assert.rejects(readPicture(at('none.mp4'), { env: { PATH: `${bin}:${process.env.PATH}` } }), damaged)
})

test('pictures are found in folders below, in order; hidden files, other files and broken links are not', async () => {
  const root = at('found')
  await mkdir(join(root, 'b', '.git'), { recursive: true })
  for (const name of ['z.PNG', 'a.jpeg', 'b/c.webp', 'b/.git/d.png', '.e.png', 'f.txt', 'png'])
    await writeFile(join(root, name), 'x')
  await symlink(join(root, 'nothing'), join(root, 'g.png'))
  await mkdir(join(root, 'folder.png'))
  const found = picturesOf(await findFiles(root), root)
  assert.deepEqual(
    found.map(({ name }) => name),
    ['a.jpeg', 'b/c.webp', 'z.PNG'],
  )
  assert.equal(found[0].size, 1)
  const text = (await findFiles(root)).filter(({ name }) => name === 'f.txt')
  assert.equal(text.length, 1)
  const none = { code: 'input', message: /found: no picture is in this folder or below it \(\.png, .*\.avi\)$/ }
  assert.throws(() => picturesOf(text, root), none)
})

test('a link to a file is read, one to a folder is not gone through, and a folder that may not be read is passed over', async () => {
  const root = at('linked')
  await mkdir(join(root, 'b', 'closed'), { recursive: true })
  for (const name of ['a.png', 'b/closed/c.png']) await writeFile(join(root, name), 'x')
  await symlink(root, join(root, 'b', 'circle'))
  await symlink(join(root, 'a.png'), join(root, 'b', 'link.png'))
  const names = async () => (await findFiles(root)).map(({ name }) => name)
  assert.deepEqual(await names(), ['a.png', 'b/closed/c.png', 'b/link.png'])
  if (process.getuid?.() === 0) return // may read everything
  await chmod(join(root, 'b', 'closed'), 0)
  assert.deepEqual(await names(), ['a.png', 'b/link.png'])
  await chmod(join(root, 'b', 'closed'), 0o755)
})
