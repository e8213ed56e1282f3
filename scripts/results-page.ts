import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { ReproductionResult } from '../src/cli/reproduce.ts'
import { systems } from '../src/cli/system-list.ts'
import { figureName } from '../src/reproduce/figure-name.ts'
import { markdownTable } from './markdown-table.ts'

// Writes docs/results.md and docs/results.zh.md from results/*.json; `npm run check` compares with --check.
//   npm run results

type Language = 'en' | 'zh'

/** The page of all results in one language. */
export async function resultsPage(root: string, lang: Language): Promise<string> {
  const files = (await readdir(join(root, 'results')).catch(() => [])).filter((file) => file.endsWith('.json')).sort()
  const all = await Promise.all(
    files.map(async (file) => JSON.parse(await readFile(join(root, 'results', file), 'utf8')) as ReproductionResult),
  )
  const order = systems.flatMap(({ results }) => results)
  all.sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name))
  const missing = order.filter((name) => !all.some((result) => result.name === name))
  const { head, missing: notThere } = words[lang]
  const sections = all.map((result) => section(result, lang))
  return `${[head, overview(all, lang), ...sections, ...(missing.length > 0 ? [notThere(missing)] : [])].join('\n\n')}\n`
}

/** One line a result: whether its claim holds, and how long it took. */
function overview(all: readonly ReproductionResult[], lang: Language): string {
  const text = words[lang]
  const rows = all.map(({ name, system, holds, minutes }) => [
    `[${name}](#${anchor(system, name)})`,
    system,
    text[holds ? 'holds' : 'fails'],
    `${minutes}`,
  ])
  const hours = all.reduce((sum, { minutes }) => sum + minutes, 0) / 60
  const count = all.filter(({ holds }) => holds).length
  return `${markdownTable(text.lines, rows)}\n\n${text.together(count, all.length, hours.toFixed(1))}`
}

/** Where a heading of the page is linked to. */
const anchor = (system: string, name: string): string => `${system} ${name}`.toLowerCase().replaceAll(' ', '-')

const words = {
  en: {
    head: `# Results

*[中文](results.zh.md)* · Made by \`npm run results\` from \`results/*.json\`, which \`tubelet reproduce NAME\` writes; nothing here is typed. A figure is
the mean over the seeds, with its range.`,
    missing: (names: readonly string[]) => `## Not there yet\n\n${names.map((name) => `\`${name}\``).join(', ')}`,
    lines: ['result', 'system', 'claim', 'minutes'],
    together: (holding: number, count: number, hours: string) =>
      `${holding} of ${count} claims hold as they were measured; where one does not, the page of its system has the likely cause and an experiment. Together ${hours} hours one after another;
\`tubelet reproduce --all\` measures one claim a core, so that two cores take about half.`,
    holds: 'holds',
    fails: 'does not hold',
    columns: ['figure', 'mean', 'range'],
    source: (source: string) => ` (${source})`,
    command: (line: string, made: string) => `${line}: ${made}.`,
    picture: (title: string) => `${title}:`,
    made: ({ seeds, minutes, machine, date, versions }: ReproductionResult) =>
      `${seeds.length} seeds, ${minutes} min on ${machine}, ${date}, commit ${short(versions.commit)}`,
  },
  zh: {
    head: `# 结果

*[English](results.md)* · 由 \`npm run results\` 从 \`results/*.json\` 生成，后者由 \`tubelet reproduce NAME\` 写出；这里没有手写的数字。每个数值是各种子的平均，
后面是范围。`,
    missing: (names: readonly string[]) => `## 还没有的结果\n\n${names.map((name) => `\`${name}\``).join('、')}`,
    lines: ['结果', '系统', '论断', '分钟'],
    together: (holding: number, count: number, hours: string) =>
      `${count} 个论断中，按实测有 ${holding} 个成立；不成立的，所属系统的页面写明了可能的原因，并有一个检验它的实验。逐个运行共 ${hours} 小时；\`tubelet reproduce --all\` 每个核同时测一个，两个核大约减半。`,
    holds: '成立',
    fails: '不成立',
    columns: ['数值', '平均', '范围'],
    source: (source: string) => `（${source}）`,
    command: (line: string, made: string) => `${line}：${made}。`,
    picture: (title: string) => `${title}：`,
    made: ({ seeds, minutes, machine, date, versions }: ReproductionResult) =>
      `${seeds.length} 个种子，${minutes} 分钟，${machine}，${date}，提交 ${short(versions.commit)}`,
  },
}

const short = (commit = '?'): string => commit.slice(0, 8) + (commit.endsWith('+') ? '+' : '')

const digits = (value: number): string => (Math.abs(value) >= 1000 ? value.toFixed(0) : value.toPrecision(4))

function section(result: ReproductionResult, lang: Language): string {
  const { name, system, source, claim, holds, command, figures, charts, pictures } = result
  const text = words[lang]
  const rows = Object.entries(figures).map(([figure, { mean, low, high }]) => [
    figureName(figure, lang),
    digits(mean),
    `${digits(low)} – ${digits(high)}`,
  ])
  const drawn = charts.map(({ name: chart, title }) => {
    const file = `../results/${name}-${chart}${lang === 'zh' ? '.zh' : ''}.svg`
    return `![${title[lang]}](${file})`
  })
  const shown = pictures.map(
    ({ name: picture, title }) =>
      `${text.picture(title[lang])}\n\n![${title[lang]}](../results/${name}-${picture}.png)`,
  )
  return [
    `## ${system}: ${name}`,
    `${claim[lang]}${text.source(source)} **${text[holds ? 'holds' : 'fails']}**`,
    text.command(`\`npx ${command}\``, text.made(result)),
    markdownTable(text.columns, rows),
    ...drawn,
    ...shown,
  ].join('\n\n')
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
  for (const [lang, file] of [
    ['en', 'docs/results.md'],
    ['zh', 'docs/results.zh.md'],
  ] as const) {
    const page = await resultsPage('.', lang)
    if (!process.argv.includes('--check')) await writeFile(file, page)
    else if (page !== (await readFile(file, 'utf8').catch(() => ''))) {
      console.error(`${file} differs from what results/ holds: npm run results`)
      process.exitCode = 1
    }
  }
