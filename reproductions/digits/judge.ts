import { frechet, learnClassifier, type ReproductionContext } from 'tubelet'
import type { DigitPictures } from './pictures.ts'

/** Tells how far pictures are from real digits. */
export interface Judge {
  /** Share of held-out digits that it names rightly. */
  readonly accuracy: number
  /** Fréchet distance of pictures [N, 1, 16, 16] from the held-out digits, in its features. */
  distance(pixels: Float32Array): Promise<number>
  release(): Promise<void>
}

/** A classifier of digits, trained in the run; what its last layer reads are the features. */
export async function trainJudge(
  { runtime, seed, quick, signal }: ReproductionContext,
  { train, heldOut }: { train: DigitPictures; heldOut: DigitPictures },
): Promise<Judge> {
  const classifier = await learnClassifier(train, { runtime, seed, steps: quick ? 250 : 1200, signal })
  const known = await classifier.features(heldOut.pixels)
  const { digit } = await classifier.classify(heldOut.pixels)
  return {
    accuracy: digit.filter((told, i) => told === heldOut.labels.digit[i]).length / heldOut.count,
    distance: async (pixels) => frechet(await classifier.features(pixels), known),
    release: () => classifier.release(),
  }
}
