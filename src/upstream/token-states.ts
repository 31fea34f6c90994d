import { clocks } from '../store/clock.ts'
import type { Row, Statement, Store } from '../store/store.ts'
import type { TokenChange, TokenState } from './tokens.ts'

/** What all replicas know of a token. */
export type SavedState = {
  readonly id: string
  readonly state: TokenState
  /** Milliseconds until it is back by itself; 0 when it is active, or waits to be brought back. */
  readonly leftMs: number
  /** One word for why. */
  readonly reason: string
  readonly changedAtMs: number
  /** Grows with every change of the token. */
  readonly version: number
}

type Saving = Pick<TokenChange, 'id' | 'to' | 'leftMs' | 'reason'>

/** The graver one stays when two replicas find out different things at the same time. */
const gravity = (column: string) =>
  `CASE ${column} WHEN 'revoked' THEN 4 WHEN 'empty' THEN 3 WHEN 'cooling' THEN 2 WHEN 'resting' THEN 1 ELSE 0 END`

export type TokenStates = ReturnType<typeof openTokenStates>

/**
 * The states of the master tokens as the database keeps them, so that replicas agree and a restart forgets nothing. Times
 * run on the database's clock. All verbs throw StoreUnavailable.
 */
export function openTokenStates(store: Store) {
  const now = clocks[store.dialect]
  const insert = `INSERT INTO token_states (id, state, until, reason, changed_at, version)
    VALUES ($1, $2, ${now} + CAST($3 AS BIGINT), $4, ${now}, 1)
    ON CONFLICT (id) DO UPDATE SET state = excluded.state, until = excluded.until, reason = excluded.reason,
      changed_at = excluded.changed_at, version = token_states.version + 1
    WHERE token_states.version = $5 OR token_states.until <= ${now}
      OR ${gravity('excluded.state')} > ${gravity('token_states.state')}
      OR (excluded.state = token_states.state AND excluded.until > token_states.until)
    RETURNING version`

  /**
   * Writes a change and answers its version. Over a version other than the one the change was made from, only something
   * graver is written: undefined says that the database knows better.
   */
  async function save({ id, to, leftMs, reason }: Saving, madeFrom: number): Promise<number | undefined> {
    const left = leftMs > 0 ? Math.ceil(leftMs) : null
    const done = await store.write([{ sql: insert, params: [id, to, left, reason, madeFrom] }])
    const version = done.rows[0]?.[0]?.['version']
    return version === undefined ? undefined : Number(version)
  }

  /** Every state there is; what is over by now is told as active. */
  async function load(): Promise<readonly SavedState[]> {
    const rows = await store.read(`SELECT id, state, reason, changed_at, version,
      CASE WHEN until IS NULL THEN 0 WHEN until > ${now} THEN until - ${now} ELSE -1 END AS left_ms FROM token_states`)
    return rows.map(savedOf)
  }

  return { save, load }
}

/** The statement of an operator's resume, for the unit that also tells of it. */
export function resuming(id: string, dialect: Store['dialect']): Statement {
  const sql = `UPDATE token_states SET state = 'active', until = NULL, reason = 'resumed',
    changed_at = ${clocks[dialect]}, version = version + 1 WHERE id = $1 AND state <> 'active'`
  return { sql, params: [id] }
}

const states = ['active', 'cooling', 'resting', 'empty', 'revoked'] as const

function savedOf(row: Row): SavedState {
  const leftMs = Number(row['left_ms'])
  const isOver = leftMs < 0
  return {
    id: String(row['id']),
    // A word of a later version of ours keeps no token from its calls: they find out anew.
    state: (!isOver && states.find((state) => state === row['state'])) || 'active',
    leftMs: Math.max(0, leftMs),
    reason: isOver ? 'time_over' : String(row['reason']),
    changedAtMs: Number(row['changed_at']),
    version: Number(row['version']),
  }
}
