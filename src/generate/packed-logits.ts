import { type LabelledPlanes, labelledRows } from '../data/labelled-rows.ts'
import { pack } from '../data/pack.ts'
import { type NaViTConfig, navit, navitInputs } from '../models/navit.ts'
import { params } from '../nn/index.ts'
import type { Arrays, Runtime } from '../runtime/runtime.ts'

/** A trained NaViT and the rows that it reads. */
export interface PackedClassifier {
  readonly config: NaViTConfig
  readonly weights: Arrays
  readonly runtime: Runtime
  readonly length: number // tokens of a row
  readonly slots: number // pictures of a row, at most
}

/** Logits [classes] of each of some pictures of any size, packed into rows, a row at a time. */
export async function packedLogits(
  pictures: readonly Omit<LabelledPlanes, 'label'>[],
  { config, weights, runtime, length, slots }: PackedClassifier,
): Promise<Float32Array[]> {
  const { patchSize, channels, classes } = config
  const lengths = pictures.map(({ planes, kept }) => kept?.length ?? (planes.height * planes.width) / patchSize ** 2)
  const y = navit(params(), config)(navitInputs(config, { rows: 1, length }), slots)
  const program = await runtime.load({ y }, { constants: weights })
  const out: Float32Array[] = []
  try {
    for (const group of pack(lengths, { length, most: slots })) {
      const seen = group.map((i) => ({ ...pictures[i], label: 0 }))
      const { y: logits } = await program.run(labelledRows([seen], { patchSize, channels, length, slots }))
      for (const [s, i] of group.entries()) out[i] = (logits as Float32Array).slice(s * classes, (s + 1) * classes)
    }
  } finally {
    await program.release()
  }
  return out
}
