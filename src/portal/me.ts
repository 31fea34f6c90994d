import { type Static, Type } from 'typebox'
import { AccountView, accountView } from '../accounts/account-view.ts'
import type { Allowance } from '../allowance.ts'
import { type Counters, nextPeriod, spentIn } from '../counters.ts'
import { type Credits, jsonCredits } from '../credits.ts'
import { orNull, timeTold } from '../fields.ts'
import { KeyView, keyView } from '../keys/key-view.ts'
import { formatTime, formatTimeOrNull } from '../times.ts'
import type { TypedScope } from '../typed-scope.ts'
import { callerOf, type PortalRooms } from './portal.ts'

const RateLeft = Type.Object({
  calls: Type.Integer({ description: 'Calls in any one window.', examples: [60] }),
  window_seconds: Type.Number({ description: 'Length of a window.', examples: [60] }),
  left: Type.Integer({ description: 'Calls left in the present window.', examples: [58] }),
  resets_at: orNull(timeTold('When the present window ends.'), 'Null while no window runs.'),
})
const SlotsLeft = Type.Object({
  most: Type.Integer({ description: 'Most calls in flight.', examples: [4] }),
  in_flight: Type.Integer({ description: 'Calls in flight now.', examples: [1] }),
  left: Type.Integer({ examples: [3] }),
})
const QuotaLeft = Type.Object({
  credits: Type.Number({ description: 'Credits that may be spent in a period.', examples: [100] }),
  period: Type.String({ description: 'UTC calendar `day` or `month`, or `total`.', examples: ['month'] }),
  used: Type.Number({ description: 'Credits spent in the present period, holds included.', examples: [12] }),
  left: Type.Number({ examples: [88] }),
  resets_at: orNull(timeTold('When the present period ends.'), 'Null for a total, which never comes back.'),
})
const LimitsView = Type.Object(
  {
    rate: orNull(RateLeft, 'Null is no bound of its own.'),
    concurrency: orNull(SlotsLeft, 'Null is no bound.'),
    quota: orNull(QuotaLeft, 'Null is no bound.'),
  },
  { title: 'LimitsLeft' },
)
const MeView = Type.Object(
  {
    account: Type.Object({
      id: AccountView.properties.id,
      name: AccountView.properties.name,
      status: AccountView.properties.status,
      created_at: AccountView.properties.created_at,
    }),
    balance: AccountView.properties.balance,
    key: KeyView,
    limits: Type.Object(
      { key: LimitsView, account: LimitsView },
      {
        description: 'What this key may do, and all keys of its account and mode together; a call needs room in both.',
      },
    ),
  },
  { title: 'Me' },
)
type Limits = Static<typeof LimitsView>

/** `GET /me`: who calls, what is left to spend, and what is left of every limit. */
export function me(scope: TypedScope, rooms: PortalRooms): void {
  const schema = {
    ...{ response: { 200: MeView }, tags: ['own account'], operationId: 'getMe' },
    summary: 'Show the own account, its balance, this key, and what is left of every limit',
  }
  scope.get('/me', { schema }, async (request) => {
    const { id, accountId, mode } = callerOf(request)
    const [account, key] = await Promise.all([rooms.accounts.get(accountId), rooms.keys.get(id, accountId)])
    const nowMs = Date.now()
    const { id: own, name, status, created_at, balance } = accountView(account, nowMs)
    const { calls, windowMs } = rooms.settings.rateLimit
    const rate = key.rate ?? { calls, windowSeconds: windowMs / 1000 }
    const [ofKey, ofAccount] = await Promise.all([
      left(id, { ...key, rate }, nowMs, rooms),
      left(`${accountId}:${mode}`, account, nowMs, rooms),
    ])
    const limits = { key: ofKey, account: ofAccount }
    return { account: { id: own, name, status, created_at }, balance, key: keyView(key, nowMs), limits }
  })
}

type Bound = Allowance & { readonly counters: Counters }

async function left(id: string, bound: Bound, nowMs: number, rooms: PortalRooms): Promise<Limits> {
  return {
    rate: bound.rate && (await rateLeft(id, bound.rate, nowMs, rooms)),
    concurrency: bound.maxConcurrency === null ? null : await slotsLeft(id, bound.maxConcurrency, rooms),
    quota: bound.quota && quotaLeft(bound.quota, bound.counters, nowMs),
  }
}

async function rateLeft(
  id: string,
  { calls, windowSeconds }: NonNullable<Allowance['rate']>,
  nowMs: number,
  { windows }: PortalRooms,
): Promise<NonNullable<Limits['rate']>> {
  const counted = await windows.look(id, windowSeconds * 1000)
  const resetsMs = counted.leftMs > 0 ? nowMs + counted.leftMs : null
  const rest = Math.max(0, calls - counted.calls)
  return { calls, window_seconds: windowSeconds, left: rest, resets_at: formatTimeOrNull(resetsMs) }
}

async function slotsLeft(
  id: string,
  most: number,
  { slots }: PortalRooms,
): Promise<NonNullable<Limits['concurrency']>> {
  const taken = await slots.countAll(id)
  return { most, in_flight: taken, left: Math.max(0, most - taken) }
}

function quotaLeft(
  { credits, period }: NonNullable<Allowance['quota']>,
  counters: Counters,
  nowMs: number,
): NonNullable<Limits['quota']> {
  const used = spentIn(counters, period, nowMs)
  return {
    ...{ credits: jsonCredits(credits), period, used: jsonCredits(used) },
    left: jsonCredits(Math.max(0, credits - used) as Credits),
    resets_at: period === 'total' ? null : formatTime(nextPeriod(period, nowMs)),
  }
}
