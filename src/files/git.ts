import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'

/** The commit of the working tree that a folder is in, with a `+` where files differ from it; undefined outside of git. */
export function gitCommit(folder: string): Promise<string | undefined> {
  return git(folder, 'describe', '--always', '--abbrev=40', '--exclude=*', '--dirty=+')
}

/**
 * What tells the code of a working tree from any other: its commit, and a hash of what differs from it. Undefined where
 * `folder` is not the top of one, as for a package that another project has installed.
 */
export async function gitState(folder: string): Promise<string | undefined> {
  if (await git(folder, 'rev-parse', '--show-prefix')) return undefined
  const commit = await gitCommit(folder)
  if (!commit?.endsWith('+')) return commit
  const changes = (await git(folder, 'diff', 'HEAD', '--no-ext-diff')) ?? ''
  return commit + createHash('sha256').update(changes).digest('hex').slice(0, 8)
}

function git(folder: string, ...args: string[]): Promise<string | undefined> {
  const limits = { timeout: 5000, maxBuffer: 2 ** 28 }
  return new Promise((resolve) => {
    execFile('git', ['-C', folder, ...args], limits, (error, out) =>
      resolve(error ? undefined : out.trim() || undefined),
    )
  })
}
