import type { Credits } from '../credits.ts'
import type { Statement, Step } from '../store/store.ts'
import type { Gift } from './ledger.ts'

// A replica whose clock is behind must not open yesterday again, so the day of a counter only grows.
const laterDay = (table: string, day: string) => `CASE WHEN ${table}.day > ${day} THEN ${table}.day ELSE ${day} END`
const usedToday = (table: string, day: string) => `CASE WHEN ${table}.day >= ${day} THEN ${table}.day_used ELSE 0 END`
const usedThisMonth = (table: string, day: string) =>
  `CASE WHEN ${table}.day / 100 >= ${day} / 100 THEN ${table}.month_used ELSE 0 END`

/** True while the row `limits` has no quota, or `amount` more fits what `counters` has used of its period. */
export const fits = (limits: string, counters: string, day: string, amount: string) => `(${limits}.quota_credits IS NULL
  OR ${amount} = 0 OR ${limits}.quota_credits >= ${amount} + CASE ${limits}.quota_period
    WHEN 'day' THEN ${usedToday(counters, day)}
    WHEN 'month' THEN ${usedThisMonth(counters, day)}
    ELSE ${counters}.total_used END)`

export const count = (table: string, day: string, amount: string) => `day = ${laterDay(table, day)},
  day_used = ${usedToday(table, day)} + ${amount},
  month_used = ${usedThisMonth(table, day)} + ${amount},
  total_used = ${table}.total_used + ${amount}`

/** Where columns stand in a row that has its values in this order. */
function placesIn<Name extends string>(columns: Readonly<Record<Name, unknown>>) {
  const order = Object.keys(columns)
  return (...names: readonly Name[]): number[] => names.map((name) => order.indexOf(name))
}

// SQLite is handed every number as a double, and a double would not lose the day when it is divided.
const today = 'CAST($4 AS BIGINT)'

// No RETURNING, FROM or INSERT ... SELECT in what every call does: for each of them SQLite builds a table in memory, or a
// journal to undo it alone, at twice the cost of the statement.
const holdAccount = `UPDATE accounts SET held = held + $3, ${count('accounts', today, '$3')}
  WHERE id = $1 AND status = 'active' AND posted - held >= $3 AND ${fits('accounts', 'accounts', today, '$3')}
    AND EXISTS (SELECT 1 FROM keys JOIN spends ON spends.id = keys.spend_id
      WHERE keys.id = $2 AND keys.account_id = $1 AND keys.revoked_at IS NULL
        AND (keys.expires_at IS NULL OR keys.expires_at > $5) AND ${fits('keys', 'spends', today, '$3')})`

const accountNow = 'SELECT posted, held, day FROM accounts WHERE id = $1'

// The quota is asked here again: where rows are locked one by one, only this statement sees the counter's last value.
const holdSpend = `UPDATE spends SET (day, day_used, month_used, total_used) = (
    SELECT ${laterDay('spends', 'accounts.day')}, ${usedToday('spends', 'accounts.day')} + $3,
      ${usedThisMonth('spends', 'accounts.day')} + $3, spends.total_used + $3 FROM accounts WHERE accounts.id = $4)
  WHERE id = $1 AND EXISTS (SELECT 1 FROM keys JOIN accounts ON accounts.id = keys.account_id
    WHERE keys.id = $2 AND ${fits('keys', 'spends', 'accounts.day', '$3')})`

const holdCall = `INSERT INTO calls (id, account_id, key_id, spend_id, offer, mode, state, upstream_may_bill, price,
    price_version, held, credits, upstream, bytes_in, client_request_id, owner, day, created_at)
  VALUES ($1, $2, $3, $4, $5, $6, 'held', 0, $7, $8, $9, 0, $10, $11, $12, $13,
    (SELECT day FROM accounts WHERE accounts.id = $2), $14)`

/** The columns of a hold's row, and their types. */
export const holdColumns = {
  id: 'text',
  account_id: 'text',
  key_id: 'text',
  spend_id: 'text',
  offer: 'text',
  mode: 'text',
  amount: 'bigint',
  price: 'bigint',
  price_version: 'bigint',
  upstream: 'text',
  bytes_in: 'bigint',
  client_request_id: 'text',
  owner: 'text',
  day: 'bigint',
  created_at: 'bigint',
} as const

const holdPlaces = placesIn(holdColumns)

/**
 * Sets aside `amount`; the second step's row has the balance after it and the day the call counts in. Refuses as
 * `account` or `quota`.
 */
export const holdSteps: readonly Step[] = [
  { sql: holdAccount, from: holdPlaces('account_id', 'key_id', 'amount', 'day', 'created_at'), must: 'account' },
  { sql: accountNow, from: holdPlaces('account_id') },
  { sql: holdSpend, from: holdPlaces('spend_id', 'key_id', 'amount', 'account_id'), must: 'quota' },
  {
    sql: holdCall,
    from: [
      ...holdPlaces('id', 'account_id', 'key_id', 'spend_id', 'offer', 'mode', 'price', 'price_version', 'amount'),
      ...holdPlaces('upstream', 'bytes_in', 'client_request_id', 'owner', 'created_at'),
    ],
  },
]

const endCall = `UPDATE calls SET state = $2, outcome = $3, reason = $4, upstream_may_bill = $5, credits = $6,
    token_id = $7, attempts = $8, status = $9, upstream_status = $10, upstream_ms = $11, bytes_out = $12, ended_at = $13
  WHERE id = $1 AND state = 'held'`

// A call counts in the period of its hold: what is given back belongs to that period, or to none that is still open.
const giveBack = (table: string, amount: string, day: string) => `
  day_used = ${table}.day_used - CASE WHEN ${table}.day = ${day} THEN ${amount} ELSE 0 END,
  month_used = ${table}.month_used - CASE WHEN ${table}.day / 100 = ${day} / 100 THEN ${amount} ELSE 0 END,
  total_used = ${table}.total_used - ${amount}`

const endAccount = 'UPDATE accounts SET posted = posted - $2, held = held - $3, entries = entries + $4 WHERE id = $1'
const returnToAccount = `UPDATE accounts SET ${giveBack('accounts', '$2', 'CAST($3 AS BIGINT)')} WHERE id = $1`
const returnToSpend = `UPDATE spends SET ${giveBack('spends', '$2', 'CAST($3 AS BIGINT)')} WHERE id = $1`

const chargeEntry = `INSERT INTO entries (account_id, number, id, kind, credits, posted_after, call_id, reason, created_at)
  VALUES ($1, (SELECT entries FROM accounts WHERE accounts.id = $1), $2, 'charge', -CAST($3 AS BIGINT),
    (SELECT posted FROM accounts WHERE accounts.id = $1), $4, $5, $6)`

const countUsage = `INSERT INTO usage (account_id, day, key_id, offer, mode, calls, succeeded, failed, credits)
  VALUES ($1, $2, $3, $4, $5, 1, $6, 1 - $6, $7)
  ON CONFLICT (account_id, day, key_id, offer, mode) DO UPDATE SET calls = usage.calls + 1,
    succeeded = usage.succeeded + excluded.succeeded, failed = usage.failed + excluded.failed,
    credits = usage.credits + excluded.credits`

const countMonth = `INSERT INTO usage_months (account_id, month, key_id, offer, mode, calls, succeeded, failed, credits)
  VALUES ($1, $2, $3, $4, $5, 1, $6, 1 - $6, $7)
  ON CONFLICT (account_id, key_id, month, offer, mode) DO UPDATE SET calls = usage_months.calls + 1,
    succeeded = usage_months.succeeded + excluded.succeeded, failed = usage_months.failed + excluded.failed,
    credits = usage_months.credits + excluded.credits`

const countLate = 'INSERT INTO usage_late (day, call_id, event) SELECT day, id, $2 FROM calls WHERE id = $1'

/** What else an end changes when the day its call counts in may be over, and its usage added up already. */
export function late(callId: string): Statement {
  return { sql: countLate, params: [callId, 'end'] }
}

/** The columns of the row of an end, and their types. */
export const endColumns = {
  id: 'text',
  account_id: 'text',
  spend_id: 'text',
  state: 'text',
  outcome: 'text',
  reason: 'text',
  may_bill: 'bigint',
  charged: 'bigint',
  unused: 'bigint',
  amount: 'bigint',
  good: 'bigint',
  entry_id: 'text',
  token_id: 'text',
  attempts: 'text',
  status: 'bigint',
  upstream_status: 'bigint',
  upstream_ms: 'bigint',
  bytes_out: 'bigint',
  ended_at: 'bigint',
} as const

/** What stands behind them in the row, for those who do not read it from the call. */
const endMore = {
  key_id: 'text',
  offer: 'text',
  mode: 'text',
  day: 'bigint',
  month: 'bigint',
  entries: 'bigint',
} as const

const endPlaces = placesIn({ ...endColumns, ...endMore })
const [chargedPlace, unusedPlace] = endPlaces('charged', 'unused')

/** Ends an open hold; the third step's row has the balance after it. Refuses as `ended`. */
export const endSteps: readonly Step[] = [
  {
    sql: endCall,
    from: [
      ...endPlaces('id', 'state', 'outcome', 'reason', 'may_bill', 'charged', 'token_id', 'attempts', 'status'),
      ...endPlaces('upstream_status', 'upstream_ms', 'bytes_out', 'ended_at'),
    ],
    must: 'ended',
  },
  { sql: endAccount, from: endPlaces('account_id', 'charged', 'amount', 'entries') },
  { sql: accountNow, from: endPlaces('account_id') },
  { sql: countUsage, from: endPlaces('account_id', 'day', 'key_id', 'offer', 'mode', 'good', 'charged') },
  { sql: countMonth, from: endPlaces('account_id', 'month', 'key_id', 'offer', 'mode', 'good', 'charged') },
  {
    sql: chargeEntry,
    from: endPlaces('account_id', 'entry_id', 'charged', 'id', 'reason', 'ended_at'),
    when: chargedPlace,
  },
  { sql: returnToAccount, from: endPlaces('account_id', 'unused', 'day'), when: unusedPlace },
  { sql: returnToSpend, from: endPlaces('spend_id', 'unused', 'day'), when: unusedPlace },
]

const refundCall = `UPDATE calls SET refunded_at = $2 WHERE id = $1 AND state = 'settled' AND credits > 0 AND refunded_at IS NULL
  RETURNING id`
const refundAccount = `UPDATE accounts SET posted = posted + (SELECT credits FROM calls WHERE id = $1), entries = entries + 1,
  ${giveBack('accounts', '(SELECT credits FROM calls WHERE id = $1)', '(SELECT day FROM calls WHERE id = $1)')}
  WHERE id = (SELECT account_id FROM calls WHERE id = $1)`
const refundSpend = `UPDATE spends SET ${giveBack('spends', '(SELECT credits FROM calls WHERE id = $1)', '(SELECT day FROM calls WHERE id = $1)')}
  WHERE id = (SELECT spend_id FROM calls WHERE id = $1)`
const refundEntry = `INSERT INTO entries (account_id, number, id, kind, credits, posted_after, call_id, reason, created_at)
  SELECT accounts.id, accounts.entries, $2, 'refund', calls.credits, accounts.posted, calls.id, $3, $4
  FROM calls JOIN accounts ON accounts.id = calls.account_id WHERE calls.id = $1 RETURNING *`
const refundUsage = `UPDATE usage SET credits = usage.credits - calls.credits FROM calls WHERE calls.id = $1
  AND usage.account_id = calls.account_id AND usage.day = calls.day AND usage.key_id = calls.key_id
  AND usage.offer = calls.offer AND usage.mode = calls.mode`

const refundMonth = `UPDATE usage_months SET credits = usage_months.credits - calls.credits FROM calls WHERE calls.id = $1
  AND usage_months.account_id = calls.account_id AND usage_months.key_id = calls.key_id
  AND usage_months.month = calls.day / 100
  AND usage_months.offer = calls.offer AND usage_months.mode = calls.mode`

/** Gives back what a settled call was charged; the fourth statement's row is the entry. Refuses as `refunded`. */
export function refund(callId: string, entryId: string, reason: string, nowMs: number): Statement[] {
  return [
    { sql: refundCall, params: [callId, nowMs], must: 'refunded' },
    { sql: refundAccount, params: [callId] },
    { sql: refundSpend, params: [callId] },
    { sql: refundEntry, params: [callId, entryId, reason, nowMs] },
    { sql: refundUsage, params: [callId] },
    { sql: refundMonth, params: [callId] },
    { sql: countLate, params: [callId, 'refund'] },
  ]
}

const grantAccount = `UPDATE accounts SET posted = posted + $2, entries = entries + 1
  WHERE id = $1 AND status <> 'closed' AND posted - held + $2 >= 0 AND posted + $2 <= 9000000000000000`
const grantEntry = `INSERT INTO entries (account_id, number, id, kind, credits, posted_after, reason, reference, created_at)
  SELECT accounts.id, accounts.entries, $2, $3, $4, accounts.posted, $5, $6, $7 FROM accounts WHERE accounts.id = $1
  ON CONFLICT (account_id, reference) WHERE reference IS NOT NULL DO NOTHING RETURNING *`

/** Adds credits, or takes them back; the second statement's row is the entry. Refuses as `account` or `repeated`. */
export function grant({ accountId, credits, reason, reference }: Gift, entryId: string, nowMs: number): Statement[] {
  const kind = credits > 0 ? 'grant' : 'adjust'
  return [
    { sql: grantAccount, params: [accountId, credits satisfies Credits], must: 'account' },
    {
      sql: grantEntry,
      params: [accountId, entryId, kind, credits, reason, reference ?? null, nowMs],
      must: 'repeated',
    },
  ]
}

export const openHold = `SELECT * FROM calls WHERE id = $1 AND state = 'held'`
export const openHolds = `SELECT * FROM calls WHERE owner = $1 AND state = 'held' ORDER BY id LIMIT 200`

export const stateAndBalance = `SELECT calls.state, calls.day, accounts.posted, accounts.held FROM calls
  JOIN accounts ON accounts.id = calls.account_id WHERE calls.id = $1`

export const forgetCalls = `DELETE FROM calls WHERE id IN
  (SELECT id FROM calls WHERE id < $1 AND state <> 'held' ORDER BY id LIMIT $2) RETURNING id`
