import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'

const run = promisify(execFile)

for (const file of readdirSync('examples').filter((name) => name.endsWith('.ts')))
  test(`the example ${file} runs and prints what it found`, async () => {
    const { stdout } = await run(process.execPath, ['--import', 'tsx', '--conditions=source', join('examples', file)])
    assert.match(stdout, /\d/)
  })
