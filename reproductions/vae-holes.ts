/**
 * An autoencoder with and without its prior (Kingma & Welling 2013): the same network, data, steps and seed. The one
 * without puts its codes where it likes, and what lies between them was never decoded in training; the one with it draws
 * codes from the posterior and is held near N(0, I), so that noise and what lies between two codes decode to digits.
 *
 * In many dimensions the mass of N(0, I) lies near a sphere, which a straight line between two codes leaves (White 2016,
 * arXiv:1609.04468); so a path goes along the sphere. The codes of the one without a prior are brought to its scale first.
 */
import { type Reproduction, type ReproductionContext, stream } from 'tubelet'
import { pictureGrid } from 'tubelet/node'
import { type Autoencoder, digitVae, trainAutoencoder } from './digits/autoencoder.ts'
import { type Judge, trainJudge } from './digits/judge.ts'
import { area, type DigitPictures, digitsOf, joined, rowsOf, side } from './digits/pictures.ts'

const model = digitVae(8, 4) // 2 × 2 × 4 latents
const beta = 1
const count = 900 // pictures for every distance
const shares = [0, 0.25, 0.5, 0.75, 1] // of the second code, along a path
const format = { channels: 1, height: side, width: side, scale: 4 } as const

export default {
  name: 'vae-holes',
  system: 'AE and VAE',
  source: 'Kingma & Welling 2013, sections 2.3 and 3, figure 5; Rombach et al. 2021, section 3.1',
  claim: {
    en: 'The same network trained without a prior reconstructs unseen digits as well, but between and beside its codes there are holes: noise decodes to digits far better with the prior, and halfway between two codes little is lost with it, much without.',
    zh: '同一个网络，去掉先验同样能还原没见过的数字，但编码之间和编码旁边有空洞：加上先验后，噪声解码出来远比没有先验时更像数字；走到两个编码的中点，有先验时几乎不变差，没有时差很多。',
  },
  seeds: [1, 2],

  async measure(context) {
    const { seed, signal, report } = context
    const [train, heldOut] = [await digitsOf('train', signal), await digitsOf('held-out', signal)]
    report('training the judge')
    const judge = await trainJudge(context, { train, heldOut })
    const arms: Record<string, Arm> = {}
    for (const [name, klWeight] of [
      ['AE', undefined],
      ['VAE', beta],
    ] as const) {
      report(`training the ${name}`)
      arms[name] = await measureArm({ context, judge, train, heldOut, klWeight })
    }
    const real = await judge.distance(train.pixels.subarray(0, count * area))
    await judge.release()
    const figures = Object.entries(arms).flatMap(([name, arm]) =>
      Object.entries(arm.figures).map(([figure, value]) => [`${name}: ${figure}`, value] as const),
    )
    const random = stream({ seed, purpose: 'shown' }).permutation(count).subarray(0, 24)
    const samples = Object.values(arms).map(({ samples }) => rowsOf(samples, random, area))
    const paths = Object.values(arms).flatMap(({ path }) =>
      [0, 1, 2, 3].flatMap((n) => path.map((pixels) => pixels.subarray(n * area, (n + 1) * area))),
    )
    return {
      figures: {
        'accuracy of the judge': judge.accuracy,
        'distance of real digits': real,
        ...Object.fromEntries(figures),
      },
      series: Object.fromEntries(Object.entries(arms).map(([name, { distances }]) => [`path ${name}`, distances])),
      pictures: {
        samples: await pictureGrid(joined(samples), { ...format, columns: 12 }),
        path: await pictureGrid(joined(paths), { ...format, columns: shares.length }),
      },
    }
  },

  holds: (seeds, { quick }) =>
    seeds.every(
      (figures) =>
        figures['VAE: distance of samples'] < 0.7 * figures['AE: distance of samples, each latent at its own scale'] &&
        figures['VAE: distance of samples'] < 0.7 * figures['AE: distance of samples'] &&
        figures['VAE: midpoints over ends'] < 0.7 * figures['AE: midpoints over ends'] &&
        figures['AE: absolute error of a held-out digit'] < 1.05 * figures['VAE: absolute error of a held-out digit'] &&
        figures['accuracy of the judge'] > (quick ? 0.9 : 0.95),
    ),

  charts: [
    {
      name: 'path',
      title: {
        en: 'Along a path on the sphere from the code of one digit to that of another',
        zh: '从一个数字的编码沿球面走到另一个',
      },
      x: { label: { en: 'share of the second code', zh: '第二个编码的比例' } },
      y: { label: { en: 'Fréchet distance from real digits', zh: '与真实数字的 Fréchet 距离' } },
      lines: [
        { series: 'path AE', label: { en: 'without prior (AE)', zh: '无先验（AE）' } },
        { series: 'path VAE', label: { en: 'with prior (VAE)', zh: '有先验（VAE）' } },
      ],
    },
  ],
  pictures: [
    {
      name: 'samples',
      title: {
        en: 'Noise decoded: two rows without prior, two rows with it',
        zh: '把噪声解码：前两行无先验，后两行有先验',
      },
    },
    {
      name: 'path',
      title: {
        en: 'From one digit to another: four paths without prior, four with it',
        zh: '从一个数字到另一个：前四行无先验，后四行有先验',
      },
    },
  ],
} satisfies Reproduction

interface Arm {
  readonly figures: Readonly<Record<string, number>>
  readonly distances: readonly (readonly [number, number])[] // along the path
  readonly samples: Float32Array
  readonly path: readonly Float32Array[] // pictures at each share
}

interface ArmRun {
  readonly context: ReproductionContext
  readonly judge: Judge
  readonly train: DigitPictures
  readonly heldOut: DigitPictures
  readonly klWeight?: number
}

async function measureArm({ context, judge, train, heldOut, klWeight }: ArmRun): Promise<Arm> {
  const { seed, quick } = context
  const coder = await trainAutoencoder({ ...context, train, model, klWeight, steps: quick ? 600 : 2000 })
  const pixels = heldOut.pixels.subarray(0, count * area)
  const codes = await coder.encode(pixels)
  const again = await coder.decode(codes.mean)
  const n = model.latents
  const noise = stream({ seed, purpose: 'prior' }).normal(count * n)
  const samples = await coder.decode(noise)
  const own = klWeight === undefined ? await scaleOf(coder, train) : undefined
  /** Codes as this decoder knows them, from such as N(0, I) gives. */
  const placed = (z: Float32Array) => (own ? z.map((x, i) => own[i % n].centre + x * own[i % n].spread) : z)
  const scaled = own && (await coder.decode(placed(noise)))

  const spread = stream({ seed, purpose: 'posterior' }).normal(count * n)
  const drawn = own
    ? codes.mean.map((z, i) => (z - own[i % n].centre) / own[i % n].spread)
    : codes.mean.map((z, i) => z + codes.deviation[i] * spread[i])
  const other = rowsOf(drawn, stream({ seed, purpose: 'partner' }).permutation(count), n)
  const path: Float32Array[] = []
  const distances: [number, number][] = []
  for (const share of shares) {
    path.push(await coder.decode(placed(alongSphere(drawn, other, { share, n }))))
    distances.push([share, await judge.distance(path.at(-1)!)])
  }
  await coder.release()
  const sum = (array: Float32Array) => array.reduce((a, b) => a + b, 0)
  return {
    figures: {
      'absolute error of a held-out digit': sum(again.map((y, i) => Math.abs(y - pixels[i]))) / count,
      'distance of reconstructions': await judge.distance(again),
      'distance of samples': await judge.distance(samples),
      ...(scaled && { 'distance of samples, each latent at its own scale': await judge.distance(scaled) }),
      'distance of midpoints': distances[shares.indexOf(0.5)][1],
      'midpoints over ends': distances[shares.indexOf(0.5)][1] / distances[0][1],
      ...(klWeight !== undefined && { 'nats per digit': sum(codes.kl) / count }),
    },
    ...{ distances, samples, path },
  }
}

/** Mean and deviation that each latent has over training digits, where nothing holds them near 0 and 1. */
async function scaleOf(coder: Autoencoder, train: DigitPictures): Promise<{ centre: number; spread: number }[]> {
  const { mean } = await coder.encode(train.pixels.subarray(0, count * area))
  const n = model.latents
  return Array.from({ length: n }, (_, i) => {
    const column = Array.from({ length: count }, (_, k) => mean[k * n + i])
    const centre = column.reduce((a, b) => a + b) / count
    const variance = column.reduce((sum, x) => sum + (x - centre) ** 2, 0) / count
    return { centre, spread: Math.sqrt(variance) }
  })
}

/** Rows of n between those of a and b on the way around 0: sin((1 − s) θ) a + sin(s θ) b over sin θ, θ their angle. */
function alongSphere(a: Float32Array, b: Float32Array, { share, n }: { share: number; n: number }): Float32Array {
  const out = new Float32Array(a.length)
  const dot = (x: Float32Array, y: Float32Array) => x.reduce((sum, value, i) => sum + value * y[i], 0)
  for (let row = 0; row < a.length; row += n) {
    const [x, y] = [a.subarray(row, row + n), b.subarray(row, row + n)]
    const angle = Math.acos(Math.min(1, Math.max(-1, dot(x, y) / Math.sqrt(dot(x, x) * dot(y, y)))))
    const [left, right] =
      Math.sin(angle) < 1e-3 // a code with itself
        ? [1 - share, share]
        : [Math.sin((1 - share) * angle) / Math.sin(angle), Math.sin(share * angle) / Math.sin(angle)]
    for (let i = 0; i < n; i++) out[row + i] = left * x[i] + right * y[i]
  }
  return out
}
