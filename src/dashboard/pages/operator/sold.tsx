import { useTranslation } from 'react-i18next'
import type { Got } from '../api.ts'
import { Credits } from '../parts/figures.tsx'
import { Stat } from '../parts/stat.tsx'
import { Pill } from '../parts/state-badge.tsx'

type Overview = Got<'/admin/v1/overview'>

/** What accounts can still spend, against what is left for it at the upstream. */
export function Sold({ overview }: { readonly overview: Overview | undefined }) {
  const { t } = useTranslation()
  return (
    <Stat
      label={t('overview.sold')}
      loading={overview === undefined}
      value={<Credits value={Number(overview?.sold ?? 0)} />}
      note={overview && <Against overview={overview} />}
    />
  )
}

function Against({ overview: { upstream_credits: left, oversold } }: { readonly overview: Overview }) {
  const { t } = useTranslation()
  if (left === null) return <>{t('overview.upstreamUnread')}</>
  return (
    <>
      {t('overview.upstreamBalance')} <Credits value={Number(left)} />{' '}
      {Number(oversold) > 0 && <Pill tone="bad">{t('overview.oversold')}</Pill>}
    </>
  )
}
