import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { compiledKernels } from '../../scripts/build-wasm.ts'
import { stream } from '../random.ts'
import { parameterMemory } from './memory.ts'

test('the committed WebAssembly is what its text compiles to', async () => {
  assert.equal(await readFile(new URL('kernels.wasm.ts', import.meta.url), 'utf8'), await compiledKernels())
})

const sections = ['w', 'g', 'm', 'v', 'e']
const count = 1003 // not a multiple of the 16 floats to which arrays are padded

/** A memory of one array of random numbers in each section, and copies in double precision. */
function arena() {
  const memory = parameterMemory([{ name: 'x', shape: [count] }], sections)
  const numbers = stream({ seed: 8, purpose: 'kernels' })
  const doubles: Record<string, Float64Array> = {}
  for (const s of sections) {
    numbers.normal(memory.view(s, 'x'))
    if (s === 'v') for (let i = 0; i < count; i++) memory.view(s, 'x')[i] **= 2
    doubles[s] = Float64Array.from(memory.view(s, 'x'))
  }
  const end = (s: string) => memory.start(s) + memory.bytes
  return { memory, doubles, at: memory.start, end }
}

function close(got: Float32Array, want: Float64Array) {
  for (let i = 0; i < count; i++)
    assert.ok(Math.abs(got[i] - want[i]) <= 3e-6 * (1 + Math.abs(want[i])), `[${i}] is ${got[i]}, not ${want[i]}`)
}

test('adamw does what its formula says in double precision, and weight decay and average with it', () => {
  const { memory, doubles, at, end } = arena()
  const [scale, beta1, beta2, keep, rate, root, eps, ema] = [0.7, 0.9, 0.99, 0.97, 0.05, 1.3, 1e-3, 0.8]
  memory.kernels.adamw(
    at('w'),
    at('g'),
    at('m'),
    at('v'),
    at('e'),
    end('w'),
    scale,
    beta1,
    beta2,
    keep,
    rate,
    root,
    eps,
    ema,
  )
  const { w, g, m, v, e } = doubles
  for (let i = 0; i < count; i++) {
    const gs = scale * g[i]
    m[i] = beta1 * m[i] + (1 - beta1) * gs
    v[i] = beta2 * v[i] + (1 - beta2) * gs * gs
    w[i] = keep * w[i] - (rate * m[i]) / (Math.sqrt(v[i]) * root + eps)
    e[i] = ema * e[i] + (1 - ema) * w[i]
  }
  for (const s of sections) close(memory.view(s, 'x'), doubles[s])
})

test('momentum, descent and addition do what their formulas say', () => {
  const { memory, doubles, at, end } = arena()
  const { w, g, m, v, e } = doubles
  memory.kernels.momentum(at('g'), at('m'), at('v'), end('g'), 0.6, 0.9)
  memory.kernels.descend(at('w'), at('v'), at('e'), end('w'), 0.95, 0.1, 0.8)
  memory.kernels.add(at('g'), at('m'), end('g'))
  for (let i = 0; i < count; i++) {
    m[i] = 0.9 * m[i] + 0.6 * g[i]
    v[i] = 0.6 * g[i] + 0.9 * m[i]
    w[i] = 0.95 * w[i] - 0.1 * v[i]
    e[i] = 0.8 * e[i] + 0.2 * w[i]
    g[i] += m[i]
  }
  for (const s of sections) close(memory.view(s, 'x'), doubles[s])
})

test('the sum of squares is in double precision: no overflow, no lost small numbers, and infinite for one bad element', () => {
  const { memory, doubles, at, end } = arena()
  const squares = () => memory.kernels.squares(at('g'), end('g'))
  const want = doubles.g.reduce((sum, x) => sum + x * x, 0)
  assert.ok(Math.abs(squares() / want - 1) < 1e-14)
  assert.equal(squares(), squares())
  const g = memory.view('g', 'x')
  g.fill(1e-30)
  assert.ok(Math.abs(squares() / (count * Math.fround(1e-30) ** 2) - 1) < 1e-12)
  g.fill(1e30)
  assert.ok(Number.isFinite(squares()))
  for (const [i, bad] of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY].entries()) {
    g.fill(1)
    g[count - 1 - i] = bad
    assert.equal(Number.isFinite(squares()), false)
  }
})
