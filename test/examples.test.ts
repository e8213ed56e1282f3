import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const root = fileURLToPath(new URL('..', import.meta.url))

/** What each example must print. */
const expected: Record<string, (printed: string) => void> = {
  '01-gradient.ts'(printed) {
    assert.equal(printed, 'y  17.4964\ndx 1.0000 5.4366 22.1672\n') // e + 2 e², and 1, 2 e, 3 e²
  },
  '02-train-a-network.ts'(printed) {
    const losses = Array.from(printed.matchAll(/^step \d00 {2}loss (0\.\d{4})$/gm), ([, loss]) => Number(loss))
    assert.equal(losses.length, 3)
    assert.ok(losses[0] > losses[1] && losses[1] > losses[2], `the losses are ${losses}`)
  },
  '03-moving-picture.ts'(printed) {
    const frames = /^(\d+) frames, then (\d+), of 128 × 128 in .+heart\.webp$/m
    assert.match(printed, frames)
    const [, first, longer] = frames.exec(printed)!
    assert.ok(Number(longer) > Number(first), `${longer} frames are not more than ${first}`)
  },
  '04-your-own-pictures.ts'(printed) {
    for (const label of ['duck', '鸭子']) assert.match(printed, new RegExp(`^${label}: (0\\.[5-9]\\d|1\\.00)$`, 'm'))
    assert.match(printed, /^docs\/pictures\/0\.webp 1\.00 /m) // nothing is nearer to it than itself
  },
}

const files = readdirSync(new URL('../examples/', import.meta.url)).filter((name) => name.endsWith('.ts'))

test('it is said of every example what it prints', () => assert.deepEqual(Object.keys(expected), files.sort()))

for (const [file, check] of Object.entries(expected))
  test(`the example ${file} runs and prints what it should`, async () => {
    const args = ['--import', 'tsx', '--conditions=source', `examples/${file}`]
    check((await run(process.execPath, args, { cwd: root })).stdout)
  })
