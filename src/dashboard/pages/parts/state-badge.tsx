import { useTranslation } from 'react-i18next'

type Tone = 'good' | 'busy' | 'main' | 'other' | 'careful' | 'doubt' | 'bad' | 'quiet'

const tones = {
  active: 'good',
  succeeded: 'good',
  settled: 'good',
  delivered: 'good',
  balanced: 'good',
  enabled: 'good',
  held: 'busy',
  pending: 'busy',
  live: 'main',
  admin: 'main',
  test: 'other',
  cooling: 'careful',
  suspended: 'careful',
  filtered: 'careful',
  unknown: 'doubt',
  recovered: 'doubt',
  empty: 'doubt',
  failed: 'bad',
  revoked: 'bad',
  unbalanced: 'bad',
  expired: 'quiet',
  closed: 'quiet',
  released: 'quiet',
  disabled: 'quiet',
  resting: 'quiet',
  viewer: 'quiet',
  refunded: 'quiet',
  grant: 'good',
  charge: 'quiet',
  refund: 'busy',
  adjust: 'careful',
} as const satisfies Record<string, Tone>

export type State = keyof typeof tones

/** One word for what something is at present. */
export function StateBadge({ state }: { readonly state: State }) {
  const { t } = useTranslation()
  return <Pill tone={tones[state]}>{t(`states.${state}`)}</Pill>
}

export function Pill({ tone, children }: { readonly tone: Tone; readonly children: string }) {
  return (
    <span className="state" data-tone={tone}>
      {children}
    </span>
  )
}
