import { writeFile } from 'node:fs/promises'
import { modelFile, readPart } from 'tubelet/node'

// Mixes the transformers of two model folders, and writes the file into a third (docs/decisions/012):
//   node --import tsx --conditions=source scripts/mix-weights.ts BEFORE AFTER PART-OF-AFTER OUT

const [before, after, part, out] = process.argv.slice(2)
const [old, later] = await Promise.all(
  [before, after].map((folder) => readPart(folder, 'transformer', 'WanTransformer3DModel')),
)
const mixed = Object.entries(old.arrays).map(([name, { data, shape }]) => {
  const other = later.arrays[name].data
  return [name, { shape, data: Float32Array.from(data, (x, i) => x + Number(part) * (other[i] - x)) }] as const
})
await writeFile(`${out}/transformer/diffusion_pytorch_model.safetensors`, modelFile(Object.fromEntries(mixed)))
