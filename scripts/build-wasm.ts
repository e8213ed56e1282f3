/** Compiles src/train/kernels.wat into the base64 string of src/train/kernels.wasm.ts, which a test holds up to date. */
import { readFileSync, writeFileSync } from 'node:fs'
import wabtFactory from 'wabt'

/** The TypeScript file that holds the compiled kernels. */
export async function compiledKernels(): Promise<string> {
  const wabt = await wabtFactory()
  const source = readFileSync(new URL('../src/train/kernels.wat', import.meta.url), 'utf8')
  const { buffer } = wabt.parseWat('kernels.wat', source, { simd: true }).toBinary({})
  return `// Made by scripts/build-wasm.ts from kernels.wat.\nexport default '${Buffer.from(buffer).toString('base64')}'\n`
}

if (process.argv[1] === new URL(import.meta.url).pathname)
  writeFileSync(new URL('../src/train/kernels.wasm.ts', import.meta.url), await compiledKernels())
