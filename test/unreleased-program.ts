import { input } from '../src/graph/index.ts'
import { mul } from '../src/ops/index.ts'
import { nodeRuntime } from '../src/runtime/node.ts'

// Runs a program apart and does not release it. A program of its own, which must end by itself.

const program = await nodeRuntime().load({ y: mul(input('x', [2]), 2) }, { apart: 1 })
const { y } = await program.run({ x: Float32Array.of(1, 2) })
console.log(Array.from(y).join(' '))
