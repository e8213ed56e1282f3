/** A function of tensors, its gradient, and both run on ONNX Runtime. */
import { exp, grad, input, mul, sum } from 'tubelet'
import { nodeRuntime } from 'tubelet/node'

const x = input('x', [3])
const y = sum(mul(x, exp(x))) // Σ x eˣ
const [dx] = grad(y, [x]) // (1 + x) eˣ

const program = await nodeRuntime().load({ y, dx })
const result = await program.run({ x: Float32Array.of(0, 1, 2) })
console.log('y ', result.y[0].toFixed(4))
console.log('dx', Array.from(result.dx, (value) => value.toFixed(4)).join(' '))
await program.release()
