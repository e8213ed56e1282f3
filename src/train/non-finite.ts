import { Input, type InputAttrs, type Node, nodesOf, type Op, type Tensor } from '../graph/index.ts'
import { mul, sum } from '../ops/index.ts'
import type { Arrays, Runtime } from '../runtime/runtime.ts'

/**
 * Where a NaN or an infinity came into being: from the first of `suspects` that is not finite, back to a value that is
 * not although all that it is computed from is. In words; undefined where every suspect is finite.
 */
export async function firstNonFinite(
  suspects: readonly Tensor[],
  feeds: Arrays,
  runtime: Runtime,
): Promise<string | undefined> {
  const values = nodesOf(suspects)
    .flatMap((node) => node.outputs)
    .filter((t) => t.dtype === 'float32')
  // x · 0 is 0 for finite numbers alone, so that one number tells of a whole array.
  const program = await runtime.load(Object.fromEntries(values.map((t, i) => [`${i}`, sum(mul(t, 0))])))
  const results = await program.run(feeds).finally(() => program.release())
  const bad = new Set(values.filter((_, i) => results[i][0] !== 0))
  let origin = suspects.find((t) => bad.has(t))
  while (origin) {
    const cause = origin.node.inputs.find((t) => bad.has(t))
    if (!cause) return describe(origin)
    origin = cause
  }
}

/** `'clip' [4, 3]`, or `exp [4, 3] in blocks.0.mlp (backward)` */
function describe({ node, shape }: Tensor): string {
  const size = `[${shape.join(', ')}]`
  if (node.op === (Input as Op)) return `'${(node as Node<InputAttrs>).attrs.name}' ${size}`
  return `the output of ${node.op.name} ${size}${node.scope === '' ? '' : ` in ${node.scope}`}`
}
