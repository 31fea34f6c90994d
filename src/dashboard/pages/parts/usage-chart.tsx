import { Box, Center, Group, Loader, SegmentedControl, Text } from '@mantine/core'
import { lazy, type ReactNode, Suspense, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { type Day, totalOf } from '../usage.ts'
import { Count, Credits, Ratio } from './figures.tsx'
import { Panel } from './panel.tsx'
import { Rows } from './rows.tsx'

const Drawing = lazy(() => import('./drawing.tsx'))

type Shown = { readonly title: string; readonly days: readonly Day[]; readonly kind: 'calls' | 'credits' }

/** Calls or credits by day, drawn or as a table: the same figures for those who do not see a drawing. */
export function UsageChart({ title, days, kind }: Shown) {
  const { t } = useTranslation()
  const [form, setForm] = useState('drawn')
  const { calls, succeeded, credits } = totalOf(days)
  const about = t('usage.about', { days: days.length, calls, succeeded, credits })
  const choice = (
    <SegmentedControl
      size="xs"
      aria-label={t('usage.form')}
      value={form}
      onChange={setForm}
      data={[
        { value: 'drawn', label: t('usage.drawn') },
        { value: 'table', label: t('usage.table') },
      ]}
    />
  )
  return (
    <Panel title={title} beside={choice} flush={form === 'table'}>
      {form === 'table' ? (
        <Table days={days} title={title} />
      ) : (
        <>
          <Text size="xs" c="dimmed" mb="sm">
            {about}
          </Text>
          <Box role="img" aria-label={`${title}: ${about}`}>
            <Suspense fallback={<Waiting />}>
              <Drawing days={days} kind={kind} />
            </Suspense>
          </Box>
        </>
      )}
    </Panel>
  )
}

function Waiting(): ReactNode {
  return (
    <Center h={220}>
      <Loader type="dots" size="sm" />
    </Center>
  )
}

function Table({ days, title }: { readonly days: readonly Day[]; readonly title: string }) {
  const { t } = useTranslation()
  const columns = [
    { name: t('usage.day'), cell: ({ day }: Day) => <span className="figure">{day}</span> },
    { name: t('usage.calls'), right: true, cell: ({ calls }: Day) => <Count value={calls} /> },
    { name: t('usage.succeeded'), right: true, cell: ({ succeeded }: Day) => <Count value={succeeded} /> },
    { name: t('usage.failed'), right: true, cell: ({ failed }: Day) => <Count value={failed} /> },
    {
      name: t('usage.ratio'),
      right: true,
      wide: true,
      cell: ({ calls, succeeded }: Day) => <Ratio of={calls} part={succeeded} />,
    },
    { name: t('common.credits'), right: true, cell: ({ credits }: Day) => <Credits value={credits} /> },
  ]
  return (
    <Group mah={300} className="tall" display="block">
      <Rows label={title} columns={columns} rows={days.toReversed()} idOf={({ day }) => day} />
    </Group>
  )
}
