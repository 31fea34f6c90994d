import { StateBadge } from './state-badge.tsx'

type Ended = {
  readonly state: 'held' | 'settled' | 'released'
  readonly outcome: 'succeeded' | 'filtered' | 'failed' | 'unknown' | 'recovered' | null
  readonly mode: 'live' | 'test'
  readonly refunded_at: string | null
}

/** What became of a call: its outcome, or that it still runs; whether it was a test, and whether it was given back. */
export function Outcome({ of: call }: { readonly of: Ended }) {
  return (
    <span className="outcome">
      <StateBadge state={call.outcome ?? 'held'} />
      {call.mode === 'test' && <StateBadge state="test" />}
      {call.refunded_at !== null && <StateBadge state="refunded" />}
    </span>
  )
}
