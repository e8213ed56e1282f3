import type { Arrays, Program } from 'tubelet/node'

/** Rows of a program's inputs and outputs at a time. */
export const rows = 100

/** Runs a program of `rows` rows over more of them, and joins what comes out; the last rows run together with some before. */
export async function runAll(
  program: Program,
  feeds: Readonly<Record<string, Float32Array | Int32Array>>,
  count: number,
) {
  if (count < rows) throw new Error(`digits: ${count} are fewer than ${rows}`)
  const joined: Record<string, Float32Array> = {}
  for (let next = 0; next < count; next += rows) {
    const from = Math.min(next, count - rows)
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
