import { TubeletError } from '../errors.ts'
import type { Chart, ChartAxis, Measured } from './reproduction.ts'

const size = { width: 640, height: 400 }
const font = "system-ui, 'Noto Sans SC', 'PingFang SC', sans-serif" // double quotes would end the attribute

/** A chart as SVG: a line for each curve and seed, those of one curve in one colour. */
export async function drawChart(chart: Chart, seeds: readonly Measured[], lang: 'en' | 'zh'): Promise<string> {
  const { init, format } = await loadEcharts()
  const names = chart.lines.map(({ label }) => label[lang])
  const drawn = init(null, null, { renderer: 'svg', ssr: true, ...size })
  const axis = ({ label, log }: ChartAxis, gap: number) => ({
    ...(log ? decades : { type: 'value' as const }),
    name: label[lang],
    nameLocation: 'middle' as const,
    nameGap: gap,
    scale: true,
  })
  drawn.setOption({
    animation: false,
    backgroundColor: '#fff',
    textStyle: { fontFamily: font },
    title: { text: chart.title[lang], left: 'center', textStyle: { fontSize: 15 } },
    legend: { top: 32, itemGap: legendGap, data: names },
    grid: {
      left: 70,
      right: 24,
      top: 30 + (14 + legendGap) * legendRows(names.map((name) => format.getTextRect(name, `12px ${font}`).width)),
      bottom: 50,
    },
    xAxis: axis(chart.x, 28),
    yAxis: axis(chart.y, 48),
    series: chart.lines.flatMap(({ series, label }, i) =>
      seeds.map((measured) => ({
        type: 'line' as const,
        name: label[lang],
        color: colours[i % colours.length],
        lineStyle: { type: i < colours.length ? ('solid' as const) : ('dashed' as const) },
        symbolSize: 5,
        data: (measured.series[series] ?? []).map(([x, y]) => [x, y]),
      })),
    ),
  })
  const svg = drawn.renderToSVGString()
  drawn.dispose()
  return svg
}

const legendGap = 24

/** How many rows echarts breaks a legend into, by the widths of its names: a sign of 25 pixels and a gap before each. */
function legendRows(widths: readonly number[]): number {
  let [rows, filled] = [1, 0]
  for (const width of widths.map((text) => 30 + text))
    if (filled > 0 && filled + legendGap + width > size.width - 15) [rows, filled] = [rows + 1, width]
    else filled += (filled > 0 ? legendGap : 0) + width
  return rows
}

/** A logarithmic axis from the least value to the most, not to whole powers of ten. */
const decades = {
  type: 'log' as const,
  ...{ min: 'dataMin' as const, max: 'dataMax' as const },
  axisLabel: { formatter: (value: number) => value.toLocaleString('en', { maximumSignificantDigits: 3 }) },
}

// Told apart by those who see colours otherwise too (Okabe & Ito 2008).
const colours = ['#0072B2', '#D55E00', '#009E73', '#CC79A7', '#E69F00', '#56B4E9']

/** The package that draws. Throws TubeletError('usage') where it is not installed. */
export async function loadEcharts() {
  try {
    return await import('echarts')
  } catch (cause) {
    throw new TubeletError('usage', 'charts are drawn by the package echarts: npm install echarts', { cause })
  }
}
