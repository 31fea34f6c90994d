import type { Credits } from '../credits.ts'
import { idAt } from '../ids.ts'
import type { Row, Store } from '../store/store.ts'

/** A live call as far as the upstream's bill is concerned. */
export type TokenCall = {
  readonly id: string
  /** Null while it runs, and where the process died with it. */
  readonly tokenId: string | null
  readonly offer: string
  readonly state: 'held' | 'settled' | 'released'
  readonly outcome: string | null
  readonly reason: string | null
  readonly mayBill: boolean
  readonly price: Credits
  /** What was charged. */
  readonly credits: Credits
  readonly createdAtMs: number
  readonly endedAtMs: number | null
}

export type Span = { readonly startMs: number; readonly endMs: number }

/** Longer than any call runs; what a later recovery ended was billed, if at all, when it was made. */
const longestMs = 3_600_000
const pageRows = 1000

/**
 * The live calls that were under way at some moment of a span, page by page in the order of their ids, so that other
 * readers get in between. Throws StoreUnavailable.
 */
export async function* liveCalls(store: Store, { startMs, endMs }: Span): AsyncGenerator<readonly TokenCall[]> {
  const sql = `SELECT id, token_id, offer, mode, state, outcome, reason, upstream_may_bill, price, credits, created_at,
    ended_at FROM calls WHERE id > $1 AND id < $2 ORDER BY id LIMIT ${pageRows}`
  const last = idAt('call', endMs + longestMs)
  for (let after = idAt('call', startMs - longestMs); ; ) {
    const rows = await store.read(sql, [after, last])
    yield rows
      .filter((row) => row['mode'] === 'live')
      .map(tokenCallOf)
      .filter(isWithin)
    if (rows.length < pageRows) return
    after = String(rows.at(-1)?.['id'])
  }

  function isWithin({ createdAtMs, endedAtMs }: TokenCall): boolean {
    return createdAtMs <= endMs && (endedAtMs === null || endedAtMs >= startMs)
  }
}

function tokenCallOf(row: Row): TokenCall {
  const textOrNull = (column: string) => (row[column] === null ? null : String(row[column]))
  const state = row['state']
  return {
    ...{ id: String(row['id']), tokenId: textOrNull('token_id'), offer: String(row['offer']) },
    state: state === 'settled' || state === 'released' ? state : 'held',
    ...{ outcome: textOrNull('outcome'), reason: textOrNull('reason') },
    mayBill: Number(row['upstream_may_bill']) === 1,
    ...{ price: Number(row['price']) as Credits, credits: Number(row['credits']) as Credits },
    createdAtMs: Number(row['created_at']),
    endedAtMs: row['ended_at'] === null ? null : Number(row['ended_at']),
  }
}
