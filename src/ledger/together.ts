/** What `texts.ts` does for one call, done for many calls in one statement; only PostgreSQL is spoken to in these. */
import type { Together } from '../store/store.ts'
import { count, endColumns, fits, holdColumns } from './texts.ts'

type Columns = Readonly<Record<string, 'text' | 'bigint'>>

/** All rows given, each column as an array, with their places as `n`. */
function rowsOf(columns: Columns): string {
  const arrays = Object.values(columns).map((type, index) => `$${index + 1}::${type}[]`)
  return `unnest(${arrays.join(', ')}) WITH ORDINALITY AS asked (${Object.keys(columns).join(', ')}, n)`
}

// The statement behind it asks which accounts are locked: it sees their rows as they are, and only theirs.
const lockAccounts = `SELECT set_config('tollgate.locked', coalesce(string_agg(id, ','), ''), true) AS locked
  FROM (SELECT id FROM accounts WHERE id = ANY ($1) ORDER BY id FOR NO KEY UPDATE /*skip*/) AS locked`
const isLocked = (account: string) => `${account} = ANY (string_to_array(current_setting('tollgate.locked'), ','))`

// Each is measured against what those before it would take, done or not, so what is done can never be too much.
const holdMany = `WITH asked AS (
    SELECT asked.*, max(day) OVER () AS today,
      CAST(sum(amount) OVER (PARTITION BY account_id ORDER BY n) AS BIGINT) AS of_account,
      CAST(sum(amount) OVER (PARTITION BY spend_id ORDER BY n) AS BIGINT) AS of_spend
    FROM ${rowsOf(holdColumns)}
  ), good AS MATERIALIZED (
    SELECT asked.* FROM asked
      JOIN accounts ON accounts.id = asked.account_id
      JOIN keys ON keys.id = asked.key_id AND keys.account_id = accounts.id AND keys.spend_id = asked.spend_id
      JOIN spends ON spends.id = keys.spend_id
    WHERE ${isLocked('accounts.id')} AND accounts.status = 'active'
      AND accounts.posted - accounts.held >= asked.of_account
      AND keys.revoked_at IS NULL AND (keys.expires_at IS NULL OR keys.expires_at > asked.created_at)
      AND ${fits('accounts', 'accounts', 'asked.today', 'asked.of_account')}
      AND ${fits('keys', 'spends', 'asked.today', 'asked.of_spend')}
  ), account AS (
    UPDATE accounts SET held = held + taken.amount, ${count('accounts', 'taken.today', 'taken.amount')}
    FROM (SELECT account_id, CAST(sum(amount) AS BIGINT) AS amount, max(today) AS today FROM good GROUP BY account_id) AS taken
    WHERE accounts.id = taken.account_id RETURNING accounts.id, accounts.posted, accounts.held, accounts.day
  ), spend AS (
    UPDATE spends SET ${count('spends', 'taken.day', 'taken.amount')}
    FROM (SELECT good.spend_id, CAST(sum(good.amount) AS BIGINT) AS amount, max(account.day) AS day
      FROM good JOIN account ON account.id = good.account_id GROUP BY good.spend_id) AS taken
    WHERE spends.id = taken.spend_id
  ), call AS (
    INSERT INTO calls (id, account_id, key_id, spend_id, offer, mode, state, upstream_may_bill, price, price_version, held,
      credits, upstream, bytes_in, client_request_id, owner, day, created_at)
    SELECT good.id, good.account_id, key_id, spend_id, offer, mode, 'held', 0, price, price_version, amount,
      0, upstream, bytes_in, client_request_id, owner, account.day, created_at
    FROM good JOIN account ON account.id = good.account_id
  )
  SELECT good.n, account.posted, account.held, account.day FROM good JOIN account ON account.id = good.account_id`

export const holds: Together = {
  locks: [{ sql: lockAccounts, column: 1 }],
  sql: holdMany,
  columns: Object.values(holdColumns),
  answers: 1,
  refused: 'account',
}

// The row of a call is locked before its account, as when it is ended alone.
const lockCalls = `SELECT 1 AS one FROM calls WHERE id = ANY ($1) ORDER BY id FOR NO KEY UPDATE`

// A hold is open until it has an end. Asked by its state it would be looked for among the many that were open lately.
// `accounts` and `spends` are read as they were before this statement, which the locks keep true until its end.
const endMany = `WITH asked AS (
    SELECT * FROM ${rowsOf(endColumns)}
  ), ended AS (
    UPDATE calls SET state = asked.state, outcome = asked.outcome, reason = asked.reason,
      upstream_may_bill = asked.may_bill, credits = asked.charged, token_id = asked.token_id, attempts = asked.attempts,
      status = asked.status, upstream_status = asked.upstream_status, upstream_ms = asked.upstream_ms,
      bytes_out = asked.bytes_out, ended_at = asked.ended_at
    FROM asked WHERE calls.id = asked.id AND calls.ended_at IS NULL AND ${isLocked('asked.account_id')}
    RETURNING asked.id, asked.account_id, asked.spend_id, asked.reason, asked.charged, asked.unused, asked.amount, asked.good,
      asked.entry_id, asked.ended_at, asked.n, calls.key_id, calls.offer, calls.mode, calls.day
  ), account AS (
    UPDATE accounts SET posted = posted - freed.charged, held = held - freed.amount, entries = accounts.entries + freed.entries,
      day_used = day_used - freed.of_day, month_used = month_used - freed.of_month, total_used = total_used - freed.unused
    FROM (SELECT accounts.id, CAST(sum(charged) AS BIGINT) AS charged, CAST(sum(amount) AS BIGINT) AS amount,
        count(*) FILTER (WHERE charged > 0) AS entries, CAST(sum(unused) AS BIGINT) AS unused,
        CAST(coalesce(sum(unused) FILTER (WHERE ended.day = accounts.day), 0) AS BIGINT) AS of_day,
        CAST(coalesce(sum(unused) FILTER (WHERE ended.day / 100 = accounts.day / 100), 0) AS BIGINT) AS of_month
      FROM ended JOIN accounts ON accounts.id = ended.account_id GROUP BY accounts.id) AS freed
    WHERE accounts.id = freed.id RETURNING accounts.id, accounts.posted, accounts.held
  ), spend AS (
    UPDATE spends SET day_used = day_used - freed.of_day, month_used = month_used - freed.of_month,
      total_used = total_used - freed.unused
    FROM (SELECT spends.id, CAST(sum(unused) AS BIGINT) AS unused,
        CAST(coalesce(sum(unused) FILTER (WHERE ended.day = spends.day), 0) AS BIGINT) AS of_day,
        CAST(coalesce(sum(unused) FILTER (WHERE ended.day / 100 = spends.day / 100), 0) AS BIGINT) AS of_month
      FROM ended JOIN spends ON spends.id = ended.spend_id WHERE unused > 0 GROUP BY spends.id) AS freed
    WHERE spends.id = freed.id
  ), entry AS (
    INSERT INTO entries (account_id, number, id, kind, credits, posted_after, call_id, reason, created_at)
    SELECT accounts.id, accounts.entries + row_number() OVER before, entry_id, 'charge', -charged,
      accounts.posted - CAST(sum(charged) OVER before AS BIGINT), ended.id, reason, ended_at
    FROM ended JOIN accounts ON accounts.id = ended.account_id WHERE charged > 0
    WINDOW before AS (PARTITION BY accounts.id ORDER BY n)
  ), counted AS (
    INSERT INTO usage (day, account_id, key_id, offer, mode, calls, succeeded, failed, credits)
    SELECT day, account_id, key_id, offer, mode, count(*), sum(good), count(*) - sum(good), sum(charged)
    FROM ended GROUP BY day, account_id, key_id, offer, mode
    ON CONFLICT (account_id, day, key_id, offer, mode) DO UPDATE SET calls = usage.calls + excluded.calls,
      succeeded = usage.succeeded + excluded.succeeded, failed = usage.failed + excluded.failed,
      credits = usage.credits + excluded.credits
  ), counted_months AS (
    INSERT INTO usage_months (account_id, key_id, month, offer, mode, calls, succeeded, failed, credits)
    SELECT account_id, key_id, day / 100, offer, mode, count(*), sum(good), count(*) - sum(good), sum(charged)
    FROM ended GROUP BY account_id, key_id, day / 100, offer, mode
    ON CONFLICT (account_id, key_id, month, offer, mode) DO UPDATE SET calls = usage_months.calls + excluded.calls,
      succeeded = usage_months.succeeded + excluded.succeeded, failed = usage_months.failed + excluded.failed,
      credits = usage_months.credits + excluded.credits
  )
  SELECT ended.n, account.posted, account.held FROM ended JOIN account ON account.id = ended.account_id`

export const ends: Together = {
  locks: [
    { sql: lockCalls, column: 0 },
    { sql: lockAccounts, column: 1 },
  ],
  sql: endMany,
  columns: Object.values(endColumns),
  answers: 2,
  refused: 'ended',
}
