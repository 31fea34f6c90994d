import { Button, SimpleGrid, Skeleton, Stack } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { Link } from 'react-router'
import { api, type Got, got } from '../api.ts'
import { usePages } from '../paging.ts'
import { EntriesTable } from '../parts/entries-table.tsx'
import { Failure } from '../parts/failure.tsx'
import { Credits } from '../parts/figures.tsx'
import { Icon } from '../parts/icons.tsx'
import { PageHead } from '../parts/page-head.tsx'
import { Panel } from '../parts/panel.tsx'
import { Stat } from '../parts/stat.tsx'
import { StateBadge } from '../parts/state-badge.tsx'
import { UsagePanels } from '../parts/usage-panels.tsx'
import { daysBack } from '../usage.ts'
import { usageDays, useUsage } from '../use-usage.ts'
import { LimitsLeft } from './limits-left.tsx'
import { useMe } from './me.ts'

/** What there is to spend, what may be spent, and what was. */
export function Home() {
  const { t } = useTranslation()
  const me = useMe()
  const query = { group_by: 'day', from: daysBack(usageDays), limit: 200 }
  const usage = useUsage(['own'], () => got(api.GET('/portal/v1/usage', { params: { query } })))
  const entries = usePages(['entries', 'own'], (cursor) =>
    got(api.GET('/portal/v1/entries', { params: { query: { cursor, limit: 10 } } })),
  )
  return (
    <>
      <PageHead
        title={me.data?.account.name ?? t('nav.home')}
        beside={me.data && <StateBadge state={me.data.key.mode} />}
        about={t(me.data?.key.mode === 'test' ? 'home.testAbout' : 'home.about')}
      >
        <Button component={Link} to="/playground" leftSection={<Icon name="brush" size={16} />}>
          {t('home.try')}
        </Button>
      </PageHead>
      <Stack>
        {me.error && <Failure error={me.error} again={() => void me.refetch()} />}
        {me.isPending && <Skeleton height={110} radius="md" />}
        {me.data && <Balance balance={me.data.balance} />}
        {me.data && <LimitsLeft limits={me.data.limits} />}
        <UsagePanels usage={usage} />
        <Panel title={t('entries.title')} flush>
          <EntriesTable pages={entries} />
        </Panel>
      </Stack>
    </>
  )
}

function Balance({ balance }: { readonly balance: Got<'/portal/v1/me'>['balance'] }) {
  const { t } = useTranslation()
  return (
    <SimpleGrid cols={{ base: 1, xs: 3 }} spacing={{ base: 'sm', sm: 'md' }}>
      <Stat
        label={t('balance.available')}
        value={<Credits value={balance.available} />}
        note={t('balance.availableNote')}
      />
      <Stat label={t('balance.held')} value={<Credits value={balance.held} />} note={t('balance.heldNote')} />
      <Stat label={t('balance.posted')} value={<Credits value={balance.posted} />} note={t('balance.postedNote')} />
    </SimpleGrid>
  )
}
