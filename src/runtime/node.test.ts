import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { input } from '../graph/index.ts'
import { exp, gather, geluTanh, matmul, mul, sum } from '../ops/index.ts'
import { grad } from '../transform/grad.ts'
import { nodeRuntime } from './node.ts'
import type { Program } from './runtime.ts'

const x = input('x', [2, 3])
const index = input('index', [2], 'int32')
const y = exp(x)

test('programs apart run at the same time while the thread that asks goes on', async () => {
  const side = 900
  const [a, b] = [input('a', [side, side]), input('b', [side, side])]
  let product = matmul(a, b)
  for (let i = 0; i < 6; i++) product = matmul(mul(product, 1 / side), b)
  const programs = await Promise.all([0, 1].map(() => nodeRuntime().load({ y: product }, { apart: 2 })))
  const feeds = { a: new Float32Array(side * side).fill(1), b: new Float32Array(side * side).fill(1) }
  let turns = 0
  const counter = setInterval(() => turns++, 1)
  const results = await Promise.all(programs.map((program) => program.run(feeds)))
  clearInterval(counter)
  assert.ok(turns > 3, `${turns}`)
  for (const { y } of results) assert.ok(y.every((value) => Math.abs(value - side) < 0.1))
  await Promise.all(programs.map((program) => program.release()))
})

test('a program apart takes inputs of every type, fills given arrays, and tells what was wrong', async () => {
  const program = await nodeRuntime().load({ y: gather(x, index, 1), z: mul(x, 2) }, { apart: 1 })
  const feeds = { x: Float32Array.of(1, 2, 3, 4, 5, 6), index: Int32Array.of(2, 0) }
  const into = { y: new Float32Array(4) }
  const got = await program.run(feeds, into)
  assert.equal(got.y, into.y)
  assert.deepEqual([...got.y], [3, 1, 6, 4])
  assert.deepEqual([...got.z], [2, 4, 6, 8, 10, 12])
  await assert.rejects(program.run({ x: feeds.x }), { code: 'input', message: /input 'index' is missing/ })
  await assert.rejects(program.run({ ...feeds, index: Int32Array.of(7, 0) }), /indices element out of data bounds/)
  assert.deepEqual([...(await program.run(feeds)).y], [3, 1, 6, 4]) // and goes on
  await program.release()
})

test('a program apart keeps constants', async () => {
  const w = input('w', [3, 2])
  const program = await nodeRuntime().load(
    { y: matmul(x, w) },
    { apart: 1, constants: { w: new Float32Array(6).fill(2) } },
  )
  assert.deepEqual([...(await program.run({ x: Float32Array.of(1, 2, 3, 4, 5, 6) })).y], [12, 12, 30, 30])
  await program.release()
})

test('threads that spin change no number, in the calling thread and apart', async () => {
  const side = 200 // enough for two threads
  const [a, b] = [input('a', [side, side]), input('b', [side, side])]
  const feeds = { a: Float32Array.from({ length: side ** 2 }, (_, i) => Math.sin(i)), b: new Float32Array(side ** 2) }
  feeds.b.fill(1 / 3)
  const run = async (spin: boolean, apart?: number) => {
    const program = await nodeRuntime({ spin, threads: 2 }).load({ y: matmul(a, b) }, { apart })
    const { y } = await program.run(feeds)
    await program.release()
    return y
  }
  const want = await run(false)
  for (const apart of [undefined, 1]) assert.deepEqual(await run(true, apart), want)
})

test('a program apart that is not released does not keep the process alive', async () => {
  const script = fileURLToPath(new URL('../../test/unreleased-program.ts', import.meta.url))
  const args = ['--import', 'tsx', '--conditions=source', script]
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 60_000 }) // then it is killed
  assert.equal(stdout.trim(), '2 4')
})

test('a program apart loads in a script of the command line too, whose flags no thread may have', async () => {
  const script = `
    import { input, mul } from 'tubelet'
    import { nodeRuntime } from 'tubelet/node'
    const program = await nodeRuntime().load({ y: mul(input('x', [1]), 2) }, { apart: 1 })
    console.log((await program.run({ x: Float32Array.of(4) })).y[0])`
  const cwd = fileURLToPath(new URL('../..', import.meta.url))
  const args = ['--input-type=module', '-e', script]
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd, timeout: 60_000 })
  assert.equal(stdout.trim(), '8')
})

test('a program apart that cannot be loaded leaves no thread behind', async () => {
  const threads = () => process.getActiveResourcesInfo().filter((kind) => kind === 'MessagePort').length
  const before = threads()
  await assert.rejects(nodeRuntime().load({ y: exp(index) }, { apart: 1 })) // the engine has no such exp
  assert.equal(threads(), before)
})

for (const device of ['cpu', 'wasm'] as const) {
  const runtime = nodeRuntime({ device })

  test(`${device}: a program computes its outputs from its inputs, again and again`, async () => {
    const program = await runtime.load({ y, total: sum(y) })
    for (const value of [0, 1]) {
      const got = await program.run({ x: new Float32Array(6).fill(value) })
      assert.deepEqual(Object.keys(got), ['y', 'total'])
      assert.ok(Math.abs(got.total[0] - 6 * Math.exp(value)) < 1e-5)
      assert.equal(got.y.length, 6)
    }
    await program.release()
  })

  test(`${device}: an array that changed between two runs is read anew`, async () => {
    const program = await runtime.load({ y: mul(x, 2) })
    const array = new Float32Array(6)
    await program.run({ x: array })
    array.fill(3)
    assert.deepEqual([...(await program.run({ x: array })).y], [6, 6, 6, 6, 6, 6])
    await program.release()
  })

  test(`${device}: outputs named in \`into\` are written into those arrays`, async () => {
    const program = await runtime.load({ y, z: mul(x, 2), again: y })
    const into = { y: new Float32Array(6), again: new Float32Array(6) }
    for (const value of [0, Math.LN2]) {
      const got = await program.run({ x: new Float32Array(6).fill(value) }, into)
      assert.equal(got.y, into.y)
      assert.equal(got.again, into.again)
      for (const array of [into.y, into.again]) assert.ok(Math.abs(array[5] - Math.exp(value)) < 1e-6)
      assert.equal(got.z[5], Math.fround(2 * Math.fround(value)))
    }
    await program.release()
  })

  test(`${device}: runs that overlap give their own results`, async () => {
    const program = await runtime.load({ y: mul(x, 2) })
    const runs = [1, 2, 3].map((value) => program.run({ x: new Float32Array(6).fill(value) }))
    assert.deepEqual(
      (await Promise.all(runs)).map((got) => got.y[0]),
      [2, 4, 6],
    )
    await program.release()
  })

  test(`${device}: inputs can become constants of the program`, async () => {
    const w = input('w', [3, 2])
    const program = await runtime.load({ y: matmul(x, w) }, { constants: { w: Float32Array.of(1, 0, 0, 1, 1, 1) } })
    assert.deepEqual([...(await program.run({ x: Float32Array.of(1, 2, 3, 4, 5, 6) })).y], [4, 5, 10, 11])
    await program.release()
  })

  test(`${device}: arrays that do not fit are refused before the engine sees them`, async () => {
    const program = await runtime.load({ y, index: mul(index, 2) })
    const feeds = { x: new Float32Array(6), index: new Int32Array(2) }
    const wrong = (run: () => ReturnType<Program['run']>, message: string) =>
      assert.rejects(run, { name: 'TubeletError', code: 'input', message })
    await wrong(() => program.run({ index: feeds.index }), "input 'x' is missing: it must be float32 [2, 3]")
    await wrong(
      () => program.run({ ...feeds, x: new Float32Array(5) }),
      "input 'x' must be float32 [2, 3], not Float32Array of 5",
    )
    await wrong(
      () => program.run({ ...feeds, index: new Float32Array(2) }),
      "input 'index' must be int32 [2], not Float32Array of 2",
    )
    await wrong(
      () => program.run(feeds, { y: new Float32Array(7) }),
      "output 'y' must be float32 [2, 3], not Float32Array of 7",
    )
    await wrong(() => program.run(feeds, { z: new Float32Array(6) }), "output 'z' does not exist: there is y, index")
    assert.equal((await program.run(feeds)).y[0], 1)
    await program.release()
  })
}

test('memory stays flat over 500 training steps', async () => {
  setFlagsFromString('--expose_gc')
  const collect: () => void = runInNewContext('gc')
  const [w1, w2] = [input('w1', [64, 512]), input('w2', [512, 64])]
  const loss = sum(matmul(geluTanh(matmul(input('batch', [64, 64]), w1)), w2))
  const [d1, d2] = grad(loss, [w1, w2])
  const program = await nodeRuntime({ threads: 1 }).load({ loss, d1, d2 })
  const weights = { w1: new Float32Array(64 * 512).fill(0.1), w2: new Float32Array(64 * 512).fill(0.1) }
  const into = { d1: new Float32Array(64 * 512), d2: new Float32Array(64 * 512) }
  const steps = async (count: number) => {
    for (let i = 0; i < count; i++)
      await program.run({ ...weights, batch: new Float32Array(64 * 64).fill(i / 500) }, into)
    collect()
    await setTimeout(10) // arrays of the engine are freed by callbacks, in a later turn
    collect()
    return process.memoryUsage.rss() / 2 ** 20
  }
  const before = await steps(300) // until the garbage of this size has its place
  const after = await steps(500) // moves 270 kB in and out in each step, 130 MB in all
  await program.release()
  assert.ok(after - before < 16, `${before} MB before, ${after} MB after`)
})

test('a trace of the engine is written where it was asked for', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tubelet-'))
  const program = await nodeRuntime().load({ y }, { profile: join(folder, 'trace') })
  await program.run({ x: new Float32Array(6) })
  await program.release()
  const files = await readdir(folder)
  await rm(folder, { recursive: true })
  assert.equal(files.length, 1)
  assert.match(files[0], /^trace.*\.json$/)
})

test('wasm writes no trace, and says so', async () => {
  await assert.rejects(nodeRuntime({ device: 'wasm' }).load({ y }, { profile: 'trace' }), {
    code: 'usage',
    message: 'profile: the engine writes no trace file on wasm',
  })
})

const elsewhere = process.platform !== 'linux' && 'only on Linux can a process be kept from its graphics adapter'
test('webgpu without an adapter is refused with advice', { skip: elsewhere }, async () => {
  const program = `
    import { input } from './src/graph/index.ts'
    import { nodeRuntime } from './src/runtime/node.ts'
    nodeRuntime({ device: 'webgpu' }).load({ x: input('x', [1]) }).catch(({ code, message }) => console.log(code, message))`
  const args = ['--import', 'tsx', '--conditions=source', '--input-type=module', '-e', program]
  const env = { ...process.env, VK_ICD_FILENAMES: '/dev/null' }
  const { stdout } = await promisify(execFile)(process.execPath, args, { env })
  assert.equal(stdout.trim(), "usage webgpu: this machine has no graphics adapter; use device 'cpu'")
})
