import assert from 'node:assert/strict'
import { test } from 'node:test'
import sharp from 'sharp'
import { drawChart } from './chart.ts'
import type { Chart, Measured } from './reproduction.ts'

const chart: Chart = {
  name: 'loss',
  title: { en: 'Loss by step', zh: '每一步的损失' },
  x: { label: { en: 'step', zh: '步' }, log: true },
  y: { label: { en: 'loss', zh: '损失' } },
  lines: [{ series: 'a', label: { en: 'arm a', zh: '甲组' } }],
}
const seed = (y: number): Measured => ({
  figures: {},
  series: {
    a: [
      [1, y],
      [10, y / 2],
      [100, y / 4],
    ],
  },
})

test('a chart has a line for each seed, and its words in the language that is asked for', async () => {
  const [one, two] = [await drawChart(chart, [seed(1)], 'en'), await drawChart(chart, [seed(1), seed(2)], 'en')]
  const lines = (svg: string) =>
    svg.match(/stroke="#0072B2"[^>]*fill="none"|fill="none"[^>]*stroke="#0072B2"/g)?.length ?? 0
  assert.ok(lines(one) > 0)
  assert.ok(lines(two) > lines(one))
  assert.match(one, /Loss by step/)
  assert.match(one, /arm a/)
  assert.match(await drawChart(chart, [seed(1)], 'zh'), /每一步的损失/)
})

test('a chart is an SVG that readers accept', async () => {
  for (const lang of ['en', 'zh'] as const) {
    const { width, height } = await sharp(Buffer.from(await drawChart(chart, [seed(1)], lang))).metadata()
    assert.deepEqual([width, height], [640, 400])
  }
})

test('the ends of a logarithmic axis are labelled with what they are, however small', async () => {
  const small = { ...chart, y: { ...chart.y, log: true } }
  const svg = await drawChart(small, [seed(0.29), seed(0.0027)], 'en')
  assert.match(svg, />0\.29</)
  assert.match(svg, />0\.000675</)
})

test('a legend of three rows ends above the plot, and lines beyond the colours are dashed', async () => {
  const lines = Array.from({ length: 8 }, (_, i) => {
    const label = `cross-attention with as many weights ${i}`
    return { series: 'a', label: { en: label, zh: label } }
  })
  const svg = await drawChart({ ...chart, lines }, [seed(1)], 'en')
  const heights = (text: RegExp) =>
    [...svg.matchAll(/<text[^>]*translate\([\d.]+ ([\d.]+)\)[^>]*>([^<]*)<\/text>/g)]
      .filter(([, , words]) => text.test(words))
      .map(([, y]) => Number(y))
  const top = Math.min(...heights(/^[\d.]+$/))
  assert.equal(heights(/^cross-attention/).length, 8)
  assert.ok(heights(/^cross-attention/).every((y) => y + 7 < top - 7))
  assert.equal(svg.match(/stroke-dasharray/g)?.length, 4) // in the plot and in the legend
})
