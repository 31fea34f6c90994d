import { Text } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import type { Limits } from './limits.ts'

type Told = Limits & { readonly quota_used?: number | null }

/** The bounds of a key or account in as few words as possible. */
export function LimitsTold({ rate, max_concurrency: most, quota, quota_used: used }: Told) {
  const { t, i18n } = useTranslation()
  const number = new Intl.NumberFormat(i18n.language, { maximumFractionDigits: 6 })
  const parts = [
    rate && t('limits.rateTold', { calls: number.format(rate.calls), seconds: number.format(rate.window_seconds) }),
    most && t('limits.mostTold', { most: number.format(most) }),
    quota &&
      t('limits.quotaTold', {
        used: number.format(used ?? 0),
        credits: number.format(quota.credits),
        period: t(`limits.periods.${quota.period}`),
      }),
  ].filter((part) => part !== null && part !== undefined && part !== 0)
  if (parts.length === 0)
    return (
      <Text span inherit c="dimmed">
        {t('limits.none')}
      </Text>
    )
  return <>{parts.join(' · ')}</>
}
