import { type NamedMatrix, type SoraStep, soraNumbersNote, soraTrace } from '../explain/sora-trace.ts'
import { command, group, type Shell } from './command.ts'
import { explainAttentionCommand } from './explain-attention.ts'
import { padTo, textWidth } from './text.ts'

/** `tubelet explain sora`: the fourteen steps of the article's figures 5-20 to 5-23 on small integers. */
const explainSoraCommand = command({
  define: (command) => command,

  async run(_args, _options, shell) {
    const steps = soraTrace()
    const note = soraNumbersNote[shell.lang]
    const told = steps.map((step) => ({
      ...step,
      title: step.title[shell.lang],
      correction: step.correction?.[shell.lang],
    }))
    shell.result({ note, steps: told }, [note, ...steps.map((step) => stepText(step, shell))].join('\n\n'))
    return undefined
  },
})

function stepText(
  { number, figure, title, formula, given, result, really, modules, correction }: SoraStep,
  shell: Shell,
) {
  const { t, lang } = shell
  const names = modules.map(({ name, file }) => `${name} (${file})`).join(', ')
  const lines = [
    t('explain.step', { number, figure, title: title[lang] }),
    `  ${formula}`,
    ...sideBySide([...given, ...result]),
    t('explain.modules', { names }),
    ...(correction ? [t('explain.correction', { text: correction[lang] })] : []),
    ...(really ?? []).flatMap((matrix) => [
      t('explain.really', { name: matrix.name }),
      ...sideBySide([{ ...matrix, name: '' }]).slice(1),
    ]),
  ]
  return lines.join('\n')
}

/** Matrices beside each other, each under its name. */
function sideBySide(matrices: readonly NamedMatrix[]): string[] {
  const blocks = matrices.map(({ name, values }) => {
    const cells = values.map((row) => row.map(shown))
    const widths = cells[0].map((_, n) => Math.max(...cells.map((row) => row[n].length)))
    const rows = cells.map((row) => `│ ${row.map((cell, n) => padTo(cell, widths[n], 'start')).join('  ')} │`)
    const width = Math.max(textWidth(name), rows[0].length)
    return [name, ...rows].map((line) => padTo(line, width))
  })
  const height = Math.max(...blocks.map((lines) => lines.length))
  return Array.from({ length: height }, (_, y) =>
    `    ${blocks.map((lines) => lines[y] ?? ' '.repeat(textWidth(lines[0]))).join('    ')}`.trimEnd(),
  )
}

/** −1, 0.25, 1.625: at most three digits behind the point. */
const shown = (value: number): string => `${Math.round(value * 1000) / 1000 || 0}`.replace('-', '−')

/** `tubelet explain …`. */
export const explainCommand = group({
  sora: { summary: (t) => t('explain.sora.about'), command: explainSoraCommand },
  attention: { summary: (t) => t('explain.attention.about'), command: explainAttentionCommand },
})
