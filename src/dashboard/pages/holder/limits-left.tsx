import { Group, Progress, SimpleGrid, Stack, Text } from '@mantine/core'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import type { Got } from '../api.ts'
import { Credits } from '../parts/figures.tsx'
import { Panel } from '../parts/panel.tsx'
import { When } from '../parts/when.tsx'

type Limits = Got<'/portal/v1/me'>['limits']

/** What is left of every limit; a call needs room in those of its key and in those of its account. */
export function LimitsLeft({ limits }: { readonly limits: Limits }) {
  const { t } = useTranslation()
  return (
    <SimpleGrid cols={{ base: 1, md: 2 }}>
      <Panel title={t('home.limitsOfKey')}>
        <Bars limits={limits.key} />
      </Panel>
      <Panel title={t('home.limitsOfAccount')}>
        <Bars limits={limits.account} />
      </Panel>
    </SimpleGrid>
  )
}

function Bars({ limits: { rate, concurrency, quota } }: { readonly limits: Limits['key'] }) {
  const { t } = useTranslation()
  if (!rate && !concurrency && !quota) {
    return (
      <Text size="sm" c="dimmed">
        {t('limits.none')}
      </Text>
    )
  }
  return (
    <Stack gap="md">
      {rate && (
        <Bar
          name={t('home.rate', { seconds: rate.window_seconds })}
          left={rate.left}
          most={rate.calls}
          until={rate.resets_at}
        />
      )}
      {quota && (
        <Bar
          name={t('home.quota', { period: t(`limits.periodNames.${periodOf(quota.period)}`) })}
          left={quota.left}
          most={quota.credits}
          until={quota.resets_at}
        />
      )}
      {concurrency && <Bar name={t('home.concurrency')} left={concurrency.left} most={concurrency.most} until={null} />}
    </Stack>
  )
}

function periodOf(period: string): 'day' | 'month' | 'total' {
  return period === 'day' || period === 'month' ? period : 'total'
}

type Shown = { readonly name: string; readonly left: number; readonly most: number; readonly until: string | null }

function Bar({ name, left, most, until }: Shown): ReactNode {
  const { t } = useTranslation()
  const share = most === 0 ? 0 : (left / most) * 100
  const color = share < 10 ? 'red' : share < 30 ? 'yellow' : 'teal'
  return (
    <div>
      <Group justify="space-between" gap="xs" mb={4}>
        <Text size="sm">{name}</Text>
        <Text size="sm" component="div">
          <Credits value={left} />{' '}
          <Text span inherit c="dimmed">
            {t('home.of')} <Credits value={most} />
          </Text>
        </Text>
      </Group>
      <Progress value={share} color={color} size="sm" aria-label={t('home.leftOf', { name })} />
      {until && (
        <Text size="xs" c="dimmed" mt={4}>
          {t('home.resets')} <When at={until} />
        </Text>
      )}
    </div>
  )
}
