import type { Logger } from 'pino'
import type { Catalog } from '../catalog/catalog.ts'
import { type Credits, formatSum, jsonCredits } from '../credits.ts'
import { availableOfAll, funds, usedQuotas } from '../ledger/lows.ts'
import type { Store } from '../store/store.ts'
import { dayMs, formatTime } from '../times.ts'
import type { TokenChange } from '../upstream/tokens.ts'
import type { Upstream } from '../upstream/upstream.ts'
import { worth } from '../upstream/worth.ts'
import type { Alert, Alerts } from '../webhooks/alerts.ts'
import type { Deliveries } from '../webhooks/deliveries.ts'
import type { EventName, Message } from '../webhooks/events.ts'
import type { Webhooks } from '../webhooks/webhooks.ts'
import type { Proof } from './prove.ts'

export type LookRooms = {
  readonly store: Store
  readonly webhooks: Pick<Webhooks, 'wants'>
  readonly deliveries: Pick<Deliveries, 'queueing'>
  readonly alerts: Alerts
  readonly catalog: Pick<Catalog, 'offers'>
  readonly upstream: Pick<Upstream, 'name' | 'tokens'>
  /** What the last going through the ledger has found. */
  readonly proof: () => Proof | undefined
  readonly log: Logger
}

/** An account is low when it cannot buy so many more of the dearest offer. */
const lowCalls = 10
/** A key is low when so much of its quota is used. */
const lowQuota = 0.9
/** The upstream is low when less than one part in so many of its highest balance is left. */
const lowPart = 10n
const highestDays = 7

/** Tells something unless it was told before: the claim and what is queued are one unit. Answers whether it was. */
export async function tell(
  { store, deliveries, alerts }: LookRooms,
  message: Message,
  subject: string,
  bounds?: Parameters<Alerts['claiming']>[1],
): Promise<boolean> {
  if (message.type === 'webhook.test') return false
  const queued = await deliveries.queueing(message)
  if (queued.length === 0) return false
  const done = await store.write([alerts.claiming({ event: message.type, subject }, bounds), ...queued])
  return done.refused === undefined
}

/** Tells of accounts that have become low, and ends the alert of those that no longer are. */
export async function lookAtAccounts(accountIds: readonly string[], rooms: LookRooms): Promise<void> {
  if (!rooms.webhooks.wants('account.balance_low')) return
  const price = Math.max(0, ...rooms.catalog.offers.filter(({ enabled }) => enabled).map((offer) => offer.price))
  const told = await rooms.alerts.toldAmong('account.balance_low', accountIds)
  for (const { accountId, active, available } of await funds(rooms.store, accountIds)) {
    const isLow = active && available < price * lowCalls
    const data = {
      ...{ account_id: accountId, available: jsonCredits(available) },
      ...{ price: jsonCredits(price as Credits), calls_left: price > 0 ? Math.floor(available / price) : 0 },
    }
    await change(isLow, told.has(accountId), { type: 'account.balance_low', data }, accountId, rooms)
  }
}

/** The same for keys and their quotas; a new period ends the alert. */
export async function lookAtKeys(keyIds: readonly string[], rooms: LookRooms): Promise<void> {
  if (!rooms.webhooks.wants('key.quota_low')) return
  const told = await rooms.alerts.toldAmong('key.quota_low', keyIds)
  for (const { keyId, accountId, quota, used } of await usedQuotas(rooms.store, keyIds, Date.now())) {
    const isLow = quota !== null && quota.credits > 0 && used >= quota.credits * lowQuota
    const bound = { credits: quota ? jsonCredits(quota.credits) : 0, period: quota?.period ?? 'total' }
    const data = { key_id: keyId, account_id: accountId, quota: bound, used: jsonCredits(used) }
    await change(isLow, told.has(keyId), { type: 'key.quota_low', data }, keyId, rooms)
  }
}

/** Tells when the upstream's tokens have less than the accounts may spend, or a tenth of what they had lately. */
export async function lookAtUpstream(rooms: LookRooms): Promise<void> {
  const { store, upstream, webhooks, alerts } = rooms
  if (!webhooks.wants('upstream.balance_low')) return
  const usable = upstream.tokens().filter(({ state }) => state !== 'revoked')
  const ids = usable.map(({ id }) => id)
  const found = await worth(store, ids, Date.now() - highestDays * dayMs)
  if (!found) return
  const { credits, highest } = found
  const available = await availableOfAll(store)
  const isBelow = credits < available
  const reason = isBelow ? 'below_accounts' : 'below_tenth'
  const sums = { credits: formatSum(credits), highest: formatSum(highest), accounts_available: formatSum(available) }
  const data = { upstream: upstream.name, ...sums, reason } as const
  const told = await alerts.toldAmong('upstream.balance_low', [upstream.name])
  const isLow = isBelow || credits * lowPart < highest
  await change(isLow, told.size > 0, { type: 'upstream.balance_low', data }, upstream.name, rooms)
}

/** Tells of books that do not balance, as far as this process has gone through them; recomputes nothing. */
export async function lookAtBooks(rooms: LookRooms): Promise<void> {
  const { store, webhooks, alerts, proof } = rooms
  const proved = proof()
  if (!proved || !webhooks.wants('books.imbalance')) return
  const { imbalance, atMs } = proved
  const data = { imbalance: formatSum(imbalance) }
  if (imbalance !== 0n) await tell(rooms, { type: 'books.imbalance', data }, 'books')
  // A replica that went through them before the fault came has not seen that it is gone.
  else await store.write([alerts.ending({ event: 'books.imbalance', subject: 'books' }, atMs)])
}

/** Tells of a token's change as the replica that found it out; two that did at once tell it once. */
export async function tellOfToken(change: TokenChange, rooms: LookRooms): Promise<void> {
  const { id, hint, from, to, reason, leftMs } = change
  const until = leftMs > 0 ? formatTime(Date.now() + leftMs) : null
  const data = { token_id: id, upstream: rooms.upstream.name, hint, from, to, reason, until }
  await tell(rooms, { type: 'token.state_changed', data }, id, { state: to, againAfterMs: sameChangeMs })
}

const sameChangeMs = 30_000

async function change(
  isLow: boolean,
  isTold: boolean,
  message: Message & { readonly type: EventName },
  subject: string,
  rooms: LookRooms,
): Promise<void> {
  const alert: Alert = { event: message.type, subject }
  if (isLow && !isTold) await tell(rooms, message, subject)
  if (!isLow && isTold) await rooms.store.write([rooms.alerts.ending(alert)])
}
