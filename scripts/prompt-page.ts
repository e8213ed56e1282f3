import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { markdownTable } from './markdown-table.ts'

// Writes docs/prompts/README.md: every prompt outside the data with its picture and what an eye says of it.
//   npx tubelet generate --prompts docs/prompts/outside-the-data.txt -s 1 -o 'docs/prompts/{index}.webp'
//   node --import tsx scripts/prompt-page.ts
// docs/prompts/by-eye.txt holds a line for each prompt: right, partly or wrong, and a remark.

const folder = 'docs/prompts'
const lines = async (name: string) => (await readFile(join(folder, name), 'utf8')).trim().split('\n')
const [prompts, verdicts] = [await lines('outside-the-data.txt'), await lines('by-eye.txt')]
if (prompts.length !== verdicts.length)
  throw new Error(`${prompts.length} prompts, but ${verdicts.length} lines in by-eye.txt`)

const cells = prompts.map((prompt, i) => {
  const [, verdict, remark] = /^(right|partly|wrong):?\s*(.*)$/.exec(verdicts[i]) ?? []
  if (!verdict) throw new Error(`by-eye.txt, line ${i + 1}: must begin with right, partly or wrong`)
  const file = `${i}.webp`
  return {
    verdict,
    html: `<img src="${file}" width="96" alt=""><br>${prompt}<br>**${verdict}**${remark ? `: ${remark}` : ''}`,
  }
})
const count = (verdict: string) => cells.filter((cell) => cell.verdict === verdict).length
const columns = 5
const rows = Array.from({ length: Math.ceil(cells.length / columns) }, (_, r) =>
  cells.slice(r * columns, (r + 1) * columns).map((cell) => cell.html),
)
const table = markdownTable(new Array<string>(columns).fill(' '), rows)
await writeFile(
  join(folder, 'README.md'),
  `# Prompts outside the data

${prompts.length} prompts beyond the labels: a colour and a thing, a thing doing something, synonyms, plurals, typos, in both languages. Five hold a label
or a tag as it stands (a person running, a puppy, an automobile, a sleepy face, hearts). Each was drawn once by the shipped model with seed 1, 8 steps and guidance 2; none was
drawn again. By eye ${count('right')} are right, ${count('partly')} partly (the thing or the attribute), ${count('wrong')} wrong.

\`\`\`sh
npx tubelet generate --prompts docs/prompts/outside-the-data.txt -s 1 -o 'docs/prompts/{index}.webp'
\`\`\`

${table}
`,
)
