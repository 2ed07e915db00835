/** The one ECharts theme, made of the tokens that hold where the chart stands. */

const token = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim()

export const categories = (): string[] => [1, 2, 3, 4, 5, 6].map((n) => token(`c${String(n)}`))

export { token }

export function theme(): Record<string, unknown> {
  const axis = {
    axisLine: { lineStyle: { color: token('ln2') } },
    axisTick: { show: false },
    axisLabel: { color: token('t3'), fontSize: 12 },
    splitLine: { lineStyle: { color: token('ln') } },
    nameTextStyle: { color: token('t3') },
  }
  return {
    color: categories(),
    backgroundColor: 'transparent',
    textStyle: { fontFamily: token('font'), color: token('t1') },
    categoryAxis: { ...axis, splitLine: { show: false } },
    valueAxis: { ...axis, axisLine: { show: false } },
    timeAxis: { ...axis, splitLine: { show: false } },
    line: { symbol: 'none', lineStyle: { width: 1.75 } },
    tooltip: {
      backgroundColor: token('s1'),
      borderColor: token('ln2'),
      borderWidth: 1,
      textStyle: { color: token('t1'), fontSize: 12 },
      extraCssText: 'box-shadow:none',
    },
    legend: { top: 0, right: 0, textStyle: { color: token('t2') } },
  }
}
