import { basename } from 'node:path'
import { type FoundRun, listRuns, readMetrics } from '../files/run-list.ts'
import { command } from './command.ts'
import type { Translate } from './messages/index.ts'
import { localTime, table } from './text.ts'

/** `tubelet runs [DIR]`: the runs of a folder and how they fare. */
export const runsCommand = command({
  define: (command, t) => command.argument('[folder]', t('runs.folder'), 'runs'),

  async run([folder], _, shell) {
    const runs = await Promise.all((await listRuns(shell.path(folder))).map(withLoss))
    const object = { runs: runs.map(({ path, record, status, loss }) => ({ path, ...record, status, loss })) }
    shell.result(object, runs.length === 0 ? shell.t('runs.none', { folder }) : runTable(runs, shell.t))
    return undefined
  },
})

/** A run and the loss of its last step, where it has one. */
type Row = FoundRun & { loss?: number }

async function withLoss(run: FoundRun): Promise<Row> {
  const rows = await readMetrics(run.path).catch(() => [])
  return { ...run, loss: rows.findLast(({ loss }) => typeof loss === 'number')?.loss }
}

function runTable(rows: readonly Row[], t: Translate): string {
  const head = [t('runs.name'), t('runs.status'), t('runs.step'), t('runs.loss'), t('runs.device'), t('runs.updated')]
  const cells = rows.map(({ path, status, loss, record: { step, steps, device, heartbeat } }) => [
    basename(path),
    t(`status.${status}`),
    steps === undefined ? String(step) : `${step}/${steps}`,
    loss === undefined ? '–' : loss.toFixed(4),
    device,
    localTime(new Date(heartbeat)),
  ])
  return table(head, cells)
}
