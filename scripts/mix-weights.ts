import { writeFile } from 'node:fs/promises'
import { modelFile, readPart } from 'tubelet/node'

// Mixes one part of two model folders, and writes its weights into a third (docs/decisions/012 and 015):
//   node --import tsx --conditions=source scripts/mix-weights.ts BEFORE AFTER SHARE-OF-AFTER OUT [transformer|vae]

const classes = { transformer: 'WanTransformer3DModel', vae: 'VideoVae' }
const [before, after, share, out, part = 'transformer'] = process.argv.slice(2)
const className = Object.entries(classes).find(([name]) => name === part)?.[1]
if (!className) throw new Error(`${part}: it must be one of ${Object.keys(classes).join(', ')}`)
const [old, later] = await Promise.all([before, after].map((folder) => readPart(folder, part, className)))
const mixed = Object.entries(old.arrays).map(([name, { data, shape }]) => {
  const other = later.arrays[name].data
  return [name, { shape, data: Float32Array.from(data, (x, i) => x + Number(share) * (other[i] - x)) }] as const
})
await writeFile(`${out}/${part}/diffusion_pytorch_model.safetensors`, modelFile(Object.fromEntries(mixed)))
