import '@mantine/charts/styles.css'
import { AreaChart, CompositeChart } from '@mantine/charts'
import { useTranslation } from 'react-i18next'
import type { Day } from '../usage.ts'

type Drawn = { readonly days: readonly Day[]; readonly kind: 'calls' | 'credits' }

/** Days drawn; apart from the page, since drawing takes more code than everything else on it. */
export default function Drawing({ days, kind }: Drawn) {
  const { t, i18n } = useTranslation()
  const date = new Intl.DateTimeFormat(i18n.language, { month: 'short', day: 'numeric', timeZone: 'UTC' })
  const number = new Intl.NumberFormat(i18n.language, { maximumFractionDigits: 6 })
  const short = new Intl.NumberFormat(i18n.language, { notation: 'compact' })
  const shared = {
    h: 220,
    dataKey: 'day',
    tickLine: 'none',
    gridAxis: 'x',
    textColor: 'var(--mantine-color-dimmed)',
    withDots: false,
  } as const
  const label = (day: string) => date.format(new Date(`${day}T00:00:00Z`))
  if (kind === 'credits') {
    return (
      <AreaChart
        {...shared}
        data={days.map(({ day, credits }) => ({ day: label(day), credits }))}
        series={[{ name: 'credits', label: t('common.credits'), color: 'indigo.5' }]}
        curveType="linear"
        valueFormatter={(value) => number.format(value)}
        yAxisProps={{ tickFormatter: (value: number) => short.format(value), width: 44 }}
      />
    )
  }
  return (
    <CompositeChart
      {...shared}
      data={days.map((day) => ({ ...day, day: label(day.day), ratio: ratioOf(day) }))}
      series={[
        { name: 'succeeded', label: t('usage.succeeded'), color: 'teal.6', type: 'bar' },
        { name: 'failed', label: t('usage.failed'), color: 'red.6', type: 'bar' },
        { name: 'ratio', label: t('usage.ratio'), color: 'gray.6', type: 'line', yAxisId: 'right' },
      ]}
      barProps={{ stackId: 'calls' }}
      curveType="linear"
      strokeWidth={1.5}
      withRightYAxis
      withLegend
      maxBarWidth={18}
      rightYAxisProps={{ domain: [0, 100], tickFormatter: (value: number) => `${value}%`, width: 48 }}
      yAxisProps={{ allowDecimals: false, tickFormatter: (value: number) => short.format(value), width: 44 }}
      valueFormatter={(value) => number.format(value)}
    />
  )
}

/** Per cent of the calls of a day; no point on a day without any. */
function ratioOf({ calls, succeeded }: Day): number | null {
  return calls === 0 ? null : Math.round((succeeded / calls) * 1000) / 10
}
