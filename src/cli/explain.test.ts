import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { runCli } from '../../test/cli.ts'

test('explain sora prints the fourteen steps with their numbers, in the language that is asked for', async () => {
  const { code, out } = await runCli(['explain', 'sora'])
  assert.equal(code, 0)
  assert.deepEqual(
    [...out.matchAll(/^step (\d+) \(figure 5-2\d\): \S/gm)].map(([, number]) => Number(number)),
    Array.from({ length: 14 }, (_, i) => i + 1),
  )
  assert.match(out, /│ −1 {2}1 {3}0 {3}0 │/) // the noise
  assert.match(out, /^stands for: modulate \(src\/models\/dit-blocks\.ts\)$/m)
  assert.match(out, /^really: This is modulation/m)
  const chinese = await runCli(['explain', 'sora', '--lang', 'zh'])
  assert.match(chinese.out, /^第 7 步（图 5-21）：对加噪的 latent 缩放和平移$/m)
  assert.match(chinese.out, /^实际上：这是调制/m)
})

test('explain sora --json holds every matrix; another topic is refused', async () => {
  const { steps, note } = JSON.parse((await runCli(['explain', 'sora', '--json', '--lang', 'zh'])).out)
  assert.equal(steps.length, 14)
  assert.deepEqual(steps[5].result, [{ name: 'scale, shift', values: [[2], [-1], [-1], [5]] }])
  assert.match(`${note}${steps[2].correction}`, /\p{Script=Han}/u)
  const other = await runCli(['explain', 'dalle'])
  assert.equal(other.code, 2)
  assert.match(other.err, /^error: unknown command 'dalle'/)
})

test('the pages on Sora show what the command computes', async () => {
  for (const [lang, page] of [
    ['en', 'sora.md'],
    ['zh', 'sora.zh.md'],
  ] as const) {
    const text = await readFile(new URL(`../../docs/systems/${page}`, import.meta.url), 'utf8')
    const { steps } = JSON.parse((await runCli(['explain', 'sora', '--json', '--lang', lang])).out)
    for (const { number, title, formula, result, modules, correction = '' } of steps) {
      const matrix = ({ values }: { values: number[][] }) => values.map((row) => `(${row.join(' ')})`).join(' ')
      const numbers = result.map(matrix).join('; ').replaceAll('-', '−')
      const names = modules.map(({ name }: { name: string }) => `\`${name}\``).join(', ')
      const row = `| ${number} | ${title} | ${formula} | ${numbers} | ${names} | ${correction} |`
      assert.ok(text.includes(row), `${page}: ${row}`)
    }
  }
})
