import { execFile } from 'node:child_process'

/** The commit of the working tree that a folder is in, with a `+` where files differ from it; undefined outside of git. */
export function gitCommit(folder: string): Promise<string | undefined> {
  const args = ['-C', folder, 'describe', '--always', '--abbrev=40', '--exclude=*', '--dirty=+']
  return new Promise((resolve) => {
    execFile('git', args, { timeout: 5000 }, (error, stdout) => resolve(error ? undefined : stdout.trim() || undefined))
  })
}
