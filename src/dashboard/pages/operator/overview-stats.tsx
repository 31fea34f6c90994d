import { SimpleGrid } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import type { Got } from '../api.ts'
import { Count, Milliseconds, Ratio } from '../parts/figures.tsx'
import { Stat } from '../parts/stat.tsx'
import { When } from '../parts/when.tsx'
import { totalOf } from '../usage.ts'
import type { useUsage } from '../use-usage.ts'
import { BooksStat } from './books-stat.tsx'
import { Sold } from './sold.tsx'

type Shown = {
  readonly overview: Got<'/admin/v1/overview'> | undefined
  readonly usage: ReturnType<typeof useUsage>
}

export function OverviewStats({ overview, usage }: Shown) {
  const { t } = useTranslation()
  const month = totalOf(usage.days)
  const today = totalOf(usage.days.slice(-1))
  const loading = overview === undefined
  return (
    <SimpleGrid cols={{ base: 2, md: 3, xl: 6 }} spacing={{ base: 'sm', sm: 'md' }}>
      <Stat
        label={t('overview.today')}
        value={<Count value={today.calls} />}
        loading={usage.isPending}
        note={
          <>
            {t('overview.month')} <Count value={month.calls} />
          </>
        }
      />
      <Stat
        label={t('overview.ratio')}
        value={<Ratio of={month.calls} part={month.succeeded} />}
        loading={usage.isPending}
        note={
          <>
            {t('usage.failed')} <Count value={month.failed} />
          </>
        }
      />
      <Sold overview={overview} />
      <Stat
        label={t('overview.holds')}
        value={<Count value={overview?.open_holds ?? 0} />}
        loading={loading}
        note={
          overview?.oldest_hold_at ? (
            <>
              {t('overview.oldest')} <When at={overview.oldest_hold_at} exact />
            </>
          ) : (
            t('overview.noHolds')
          )
        }
      />
      <Stat
        label={t('overview.queue')}
        value={<Count value={overview?.queue.waiting ?? 0} />}
        loading={loading}
        note={
          <>
            {t('overview.longest')} <Milliseconds value={overview?.queue.oldest_wait_ms ?? 0} />
          </>
        }
      />
      <BooksStat books={overview?.books} />
    </SimpleGrid>
  )
}
