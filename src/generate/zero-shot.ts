import { TubeletError } from '../errors.ts'

/** How class vectors are made. */
export interface ZeroShotOptions {
  /**
   * Texts in which `{}` stands for the name of a class; default the name alone, as words that the model has not read
   * around a name move all classes to one place.
   */
  readonly templates?: readonly string[]
  /** The embedding of a text [P], of length 1. */
  readonly ofText: (text: string) => Promise<Float32Array>
}

/**
 * The rows [C, P] of a classifier made of words: each class is the mean of its name's embeddings in all templates,
 * brought to length 1 again (Radford et al. 2021, section 3.1.4). The product with a picture's embedding is its cosine.
 * Throws TubeletError('usage') where there is no class or no template, or where a template has no `{}`.
 */
export async function zeroShotClasses(
  names: readonly string[],
  { templates = ['{}'], ofText }: ZeroShotOptions,
): Promise<Float32Array[]> {
  if (names.length === 0 || templates.length === 0)
    throw new TubeletError('usage', 'zero-shot: there must be a class and a template')
  const blind = templates.find((template) => !template.includes('{}'))
  if (blind !== undefined)
    throw new TubeletError('usage', `zero-shot: the template '${blind}' has no {} for the name of the class`)
  const rows: Float32Array[] = []
  for (const name of names) {
    const vectors: Float32Array[] = []
    for (const template of templates) vectors.push(await ofText(template.replaceAll('{}', () => name)))
    rows.push(meanDirection(vectors))
  }
  return rows
}

/** The mean of vectors [P], at length 1. */
export function meanDirection(vectors: readonly Float32Array[]): Float32Array {
  const sum = vectors[0].map((_, i) => vectors.reduce((total, vector) => total + vector[i], 0))
  const length = Math.sqrt(sum.reduce((square, x) => square + x * x, 0))
  return sum.map((x) => x / length)
}
