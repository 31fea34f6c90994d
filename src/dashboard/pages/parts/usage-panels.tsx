import { Group, SegmentedControl, SimpleGrid, Skeleton, Stack } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import type { useUsage } from '../use-usage.ts'
import { Failure } from './failure.tsx'
import { UsageChart } from './usage-chart.tsx'

type Shown = { readonly usage: ReturnType<typeof useUsage> }

/** The two drawings every account and the house have: what was called, and what was charged. */
export function UsagePanels({ usage }: Shown) {
  const { t } = useTranslation()
  if (usage.error) return <Failure error={usage.error} again={() => void usage.again()} />
  if (usage.isPending) return <Skeleton height={290} radius="md" />
  return (
    <Stack gap="sm">
      {usage.isMixed && (
        <Group justify="flex-end">
          <SegmentedControl
            size="xs"
            aria-label={t('usage.mode')}
            value={usage.mode}
            onChange={(mode) => usage.setMode(mode === 'test' ? 'test' : 'live')}
            data={[
              { value: 'live', label: t('usage.live') },
              { value: 'test', label: t('usage.test') },
            ]}
          />
        </Group>
      )}
      <SimpleGrid cols={{ base: 1, lg: 2 }}>
        <UsageChart title={t('usage.callsTitle')} days={usage.days} kind="calls" />
        <UsageChart title={t('usage.creditsTitle')} days={usage.days} kind="credits" />
      </SimpleGrid>
    </Stack>
  )
}
