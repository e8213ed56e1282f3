import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { scratchFolder } from '../../test/cli.ts'
import { gitCommit, gitState } from './git.ts'

const missing = spawnSync('git', ['--version']).status !== 0 && 'git is not installed'

test('the state of a working tree tells every edit from every other, and a folder inside has none', {
  skip: missing,
}, async () => {
  const root = await scratchFolder()
  const git = (...args: string[]) => execFileSync('git', ['-C', root, ...args], { stdio: 'pipe' })
  assert.equal(await gitState(root), undefined)
  git('init')
  await writeFile(join(root, 'a.txt'), 'one')
  git('add', '-A')
  git('-c', 'user.name=x', '-c', 'user.email=x@x', 'commit', '-m', 'x')
  const clean = await gitState(root)
  assert.match(clean!, /^[0-9a-f]{40}$/)
  const edited = async (text: string) => {
    await writeFile(join(root, 'a.txt'), text)
    return gitState(root)
  }
  const states = [await edited('two'), await edited('three'), await edited('two')]
  for (const state of states) assert.match(state!, new RegExp(`^${clean}\\+[0-9a-f]{8}$`))
  assert.ok(states[0] === states[2] && states[0] !== states[1])
  assert.equal(await edited('one'), clean)
  await mkdir(join(root, 'node_modules', 'tubelet'), { recursive: true })
  assert.equal(await gitState(join(root, 'node_modules', 'tubelet')), undefined)
  assert.equal(await gitCommit(join(root, 'node_modules', 'tubelet')), clean)
})
