import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { writeFileAtomic } from '../files/disk.ts'
import type { EmojiPackage } from './emoji-packages.ts'

const mit = (holder: string) => `MIT License

Copyright (c) ${holder}

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation
files (the "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy,
modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the
Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE,
ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
`

const terms: Record<string, string> = {
  'Apache-2.0': 'https://www.apache.org/licenses/LICENSE-2.0',
  'CC-BY-4.0': 'https://creativecommons.org/licenses/by/4.0/legalcode',
  'CC-BY-SA-4.0': 'https://creativecommons.org/licenses/by-sa/4.0/legalcode',
}

/** Writes the folder `LICENSES` beside the shards: what came from whom, what was changed, and the terms of each package. */
export async function writeLicences(
  dir: string,
  packages: EmojiPackage[],
  folders: Map<string, string>,
): Promise<void> {
  const to = join(dir, 'LICENSES')
  const lines = ['The pictures and words in these shards come from the packages below.', '']
  lines.push('Pictures were resized and encoded again as WebP, and of animations some frames were chosen.', '')
  for (const pinned of packages) {
    const file = `${pinned.name.replace(/^@/, '').replace('/', '-')}.txt`
    lines.push(`- ${pinned.name}@${pinned.version}: ${pinned.author}, ${pinned.licence} (${file})`)
    await writeFileAtomic(join(to, file), await licenceText(pinned, folders.get(pinned.name)!))
  }
  await writeFileAtomic(join(to, 'README.md'), `${lines.join('\n')}\n`)
}

async function licenceText({ name, author, licence }: EmojiPackage, folder: string): Promise<string> {
  if (licence === 'MIT' && name.startsWith('@lobehub/')) return mit('Microsoft Corporation')
  const head = `${author}\n${licence}${terms[licence] ? `: ${terms[licence]}` : ''}\n`
  for (const file of ['LICENSE', 'LICENSE.txt', 'license']) {
    // The file in Twemoji's package is about its scripts; the drawings are CC-BY-4.0.
    const text = name === '@twemoji/svg' ? undefined : await readFile(join(folder, file), 'utf8').catch(() => undefined)
    if (text) return `${head}\n${text}`
  }
  return head
}
