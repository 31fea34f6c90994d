import { Alert, Anchor, Grid, Stack } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { Link } from 'react-router'
import { api, got } from '../api.ts'
import { Failure } from '../parts/failure.tsx'
import { Icon } from '../parts/icons.tsx'
import { PageHead } from '../parts/page-head.tsx'
import { UsagePanels } from '../parts/usage-panels.tsx'
import { daysBack } from '../usage.ts'
import { usageDays, useUsage } from '../use-usage.ts'
import { Latest } from './latest.tsx'
import { OverviewStats } from './overview-stats.tsx'
import { TokensGlance } from './tokens-glance.tsx'

/** How the house is doing, on one page. */
export function Overview() {
  const { t } = useTranslation()
  const overview = useQuery({
    queryKey: ['overview'],
    queryFn: () => got(api.GET('/admin/v1/overview')),
    refetchInterval: 10_000,
  })
  const usage = useUsage(['house'], () =>
    got(api.GET('/admin/v1/usage', { params: { query: { group_by: 'day', from: daysBack(usageDays), limit: 200 } } })),
  )
  return (
    <>
      <PageHead title={t('nav.overview')} about={t('overview.about')} />
      <Stack>
        {overview.data?.sandbox && (
          <Alert color="yellow" variant="light" icon={<Icon name="warning" />} title={t('overview.sandboxTitle')}>
            {t('overview.sandbox')}{' '}
            <Anchor component={Link} to="/settings" inherit underline="always">
              {t('nav.settings')}
            </Anchor>
          </Alert>
        )}
        {overview.error && <Failure error={overview.error} again={() => void overview.refetch()} />}
        <OverviewStats overview={overview.data} usage={usage} />
        <UsagePanels usage={usage} />
        <Grid>
          <Grid.Col span={{ base: 12, lg: 8 }}>
            <Latest />
          </Grid.Col>
          <Grid.Col span={{ base: 12, lg: 4 }}>
            <TokensGlance />
          </Grid.Col>
        </Grid>
      </Stack>
    </>
  )
}
