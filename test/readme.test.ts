import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { commands } from '../src/cli/commands.ts'

const readme = readFileSync('README.md', 'utf8')
const blocks = (language: string) =>
  [...readme.matchAll(new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, 'gs'))].map(([, code]) => code)

test('the code in the README runs as it stands', () => {
  const args = ['--import', 'tsx', '--conditions=source', '--input-type=module', '-e']
  const [printed] = blocks('ts').map((code) => execFileSync(process.execPath, [...args, code], { encoding: 'utf8' }))
  assert.match(printed, /dw: Float32Array\(3\) \[ 2, 2, 2 \]/)
})

test('the README names only commands and folders that there are', () => {
  const verbs = [...readme.matchAll(/npx tubelet ([a-z]+)/g)].map(([, verb]) => verb)
  assert.ok(verbs.length > 2)
  for (const verb of verbs) assert.ok(verb in commands, verb)
  for (const [, row] of readme.matchAll(/^\| (`.+?) \|/gm))
    for (const [, folder] of row.matchAll(/`([\w/]+)`/g)) assert.ok(existsSync(folder), folder)
})
