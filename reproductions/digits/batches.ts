import type { Arrays, Program } from 'tubelet/node'

/** Rows of a program's inputs and outputs at a time; what is run must be a multiple of it. */
export const rows = 100

/** Runs a program of `rows` rows over more of them, and joins what comes out. */
export async function runAll(
  program: Program,
  feeds: Readonly<Record<string, Float32Array | Int32Array>>,
  count: number,
) {
  if (count % rows !== 0) throw new Error(`digits: ${count} is no multiple of ${rows}`)
  const joined: Record<string, Float32Array> = {}
  for (let from = 0; from < count; from += rows) {
    const part: Arrays = {}
    for (const [name, array] of Object.entries(feeds)) {
      const width = array.length / count
      part[name] = array.subarray(from * width, (from + rows) * width)
    }
    for (const [name, array] of Object.entries(await program.run(part))) {
      const width = array.length / rows
      joined[name] ??= new Float32Array(count * width)
      joined[name].set(array as Float32Array, from * width)
    }
  }
  return joined
}
