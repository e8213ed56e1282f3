import { join } from 'node:path'
import { isThere } from '../files/disk.ts'
import { packageFolder } from '../files/shipped.ts'
import { command } from './command.ts'
import { systems } from './system-list.ts'
import { table } from './text.ts'

/** `tubelet systems`: every system of the article, and how many of the results that it needs are there. */
export const systemsCommand = command({
  define: (command) => command,

  async run(_args, _options, shell) {
    const { t } = shell
    const listed = await Promise.all(
      systems.map(async (system) => {
        const there = await Promise.all(system.results.map((name) => exists(`results/${name}.json`)))
        const made = system.results.filter((_, i) => there[i])
        const complete = made.length === system.results.length && system.file !== ''
        return { ...system, made, done: complete && (await exists(`docs/systems/${system.page}.md`)) }
      }),
    )
    const head = ['system', 'paper', 'file', 'recipes', 'results', 'status'] as const
    const rows = listed.map(({ name, paper, file, recipes, made, results, done }) => [
      ...[name, paper, file || '–', recipes.join(', ') || '–', made.join(', ') || '–'],
      done ? t('systems.done') : t('systems.part', { done: made.length, needed: results.length }),
    ])
    const text = table(
      head.map((name) => t(`systems.${name}`)),
      rows,
    )
    shell.result({ systems: listed }, text)
    return undefined
  },
})

const exists = (path: string): Promise<boolean> => isThere(join(packageFolder, path))
