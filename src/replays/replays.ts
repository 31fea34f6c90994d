import type { Statement, Store } from '../store/store.ts'
import type { Bodies } from './bodies.ts'

/** Where an Idempotency-Key means the same: one account, one mode, one offer. */
export type Scope = {
  readonly accountId: string
  readonly mode: 'live' | 'test'
  readonly offer: string
  readonly idempotencyKey: string
}

/** The head of an answer, as far as it is given back with the bytes. */
export type KeptHead = {
  readonly contentType: string
  readonly finishReason?: string | undefined
  readonly seed?: string | undefined
}

/** What became of the call that came with the same Idempotency-Key before. */
export type Earlier = {
  readonly callId: string
  /** Digest of what makes two requests the same. */
  readonly sameness: string
  /** `failed` may run anew, `gone` succeeded but its bytes are no longer kept. */
  readonly state: 'running' | 'failed' | 'kept' | 'gone'
  readonly head: KeptHead | undefined
}

export type Replays = ReturnType<typeof openReplays>

/** Idempotency-Key to the answer already given; `ttlMs` is how long a key is remembered. */
export function openReplays(store: Store, bodies: Bodies, ttlMs: number) {
  async function find(scope: Scope): Promise<Earlier | undefined> {
    const [row] = await store.read(findText, [...scopeParams(scope), Date.now() - ttlMs])
    if (!row) return undefined
    const succeeded = row['outcome'] === 'succeeded' || row['outcome'] === 'filtered'
    const state = row['state'] === 'held' ? 'running' : !succeeded ? 'failed' : row['bytes'] === null ? 'gone' : 'kept'
    const head = row['head'] === null ? undefined : (JSON.parse(String(row['head'])) as KeptHead)
    return { callId: String(row['call_id']), sameness: String(row['sameness']), state, head }
  }

  /** Takes the key for a call in its hold's unit; refuses as `claimed` while another call has it. */
  function claiming(scope: Scope, callId: string, sameness: string): Statement {
    const nowMs = Date.now()
    return { sql: claimText, params: [...scopeParams(scope), callId, sameness, nowMs, nowMs - ttlMs], must: 'claimed' }
  }

  /** Makes the bytes durable; the statements belong into the unit that settles the call. */
  async function keep(callId: string, head: KeptHead, bytes: Buffer): Promise<Statement[]> {
    const kept = await bodies.keep(callId, bytes)
    return [{ sql: keepText, params: [callId, JSON.stringify(head), bytes.length] }, ...kept]
  }

  /** The kept bytes of a call, or undefined when they are gone. */
  const read = (callId: string): Promise<Buffer | undefined> => bodies.read(callId)

  /** Forgets keys past their time, then the oldest bytes over the limit, a few at a time; answers how many went. */
  async function sweep(limitBytes: number): Promise<number> {
    const old = await store.read(oldText, [Date.now() - ttlMs])
    const oldIds = old.map((row) => String(row['call_id']))
    for (const callId of oldIds)
      await store.write([{ sql: 'DELETE FROM replays WHERE call_id = $1', params: [callId] }])
    const over = await overLimit(limitBytes)
    for (const callId of over) {
      await store.write([{ sql: 'UPDATE replays SET bytes = NULL WHERE call_id = $1', params: [callId] }])
    }
    await bodies.drop([...oldIds, ...over])
    return oldIds.length + over.length
  }

  async function overLimit(limitBytes: number): Promise<string[]> {
    const [sum] = await store.read('SELECT CAST(coalesce(sum(bytes), 0) AS TEXT) AS total FROM replays')
    let excess = Number(sum?.['total']) - limitBytes
    if (excess <= 0) return []
    const oldest = await store.read(
      'SELECT call_id, bytes FROM replays WHERE bytes IS NOT NULL ORDER BY call_id LIMIT 200',
    )
    const over: string[] = []
    for (const row of oldest) {
      if (excess <= 0) break
      over.push(String(row['call_id']))
      excess -= Number(row['bytes'])
    }
    return over
  }

  /** Removes bytes that a crash left without a record; only those old enough that no call can still be writing them. */
  async function tidy(oldestMs: number): Promise<void> {
    for (const { callId, ageMs } of await bodies.list()) {
      if (ageMs < oldestMs) continue
      const [row] = await store.read('SELECT bytes FROM replays WHERE call_id = $1', [callId])
      if (!row || row['bytes'] === null) await bodies.drop([callId])
    }
  }

  return { find, claiming, keep, read, sweep, tidy }
}

function scopeParams({ accountId, mode, offer, idempotencyKey }: Scope): string[] {
  return [accountId, mode, offer, idempotencyKey]
}

const findText = `SELECT replays.call_id, replays.sameness, replays.bytes, replays.head, calls.state, calls.outcome
  FROM replays LEFT JOIN calls ON calls.id = replays.call_id
  WHERE replays.account_id = $1 AND replays.mode = $2 AND replays.offer = $3 AND replays.idempotency_key = $4
    AND replays.created_at > $5`

// A key is free again once its call failed, or after its time.
const claimText = `INSERT INTO replays (account_id, mode, offer, idempotency_key, call_id, sameness, created_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7)
  ON CONFLICT (account_id, mode, offer, idempotency_key) DO UPDATE
    SET call_id = excluded.call_id, sameness = excluded.sameness, created_at = excluded.created_at, head = NULL, bytes = NULL
    WHERE replays.created_at <= $8 OR EXISTS (SELECT 1 FROM calls WHERE calls.id = replays.call_id
      AND calls.state = 'released' AND calls.outcome NOT IN ('succeeded', 'filtered'))`

const keepText = `UPDATE replays SET head = $2, bytes = $3 WHERE call_id = $1`

const oldText = 'SELECT call_id FROM replays WHERE created_at <= $1 ORDER BY created_at LIMIT 200'
