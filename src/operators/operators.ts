import { timingSafeEqual } from 'node:crypto'
import { Problem } from '../errors.ts'
import { newId } from '../ids.ts'
import type { Row, Statement, Store, Value } from '../store/store.ts'

export type Operator = { readonly id: string; readonly name: string; readonly role: 'admin' | 'viewer' }

export type Listed = Operator & { readonly hint: string; readonly createdAtMs: number }

/** Stands in the audit for whoever signs in with the bootstrap key. */
const bootstrap: Operator = { id: 'op_bootstrap', name: 'bootstrap', role: 'admin' }

export type Operators = ReturnType<typeof openOperators>

/** Who may run the house. `bootstrapDigest` is that of ADMIN_KEY, which is never stored. */
export function openOperators(store: Store, bootstrapDigest: string | undefined) {
  /** The operator behind the digest of a secret. */
  async function find(digest: string): Promise<Operator | undefined> {
    if (bootstrapDigest && timingSafeEqual(Buffer.from(digest), Buffer.from(bootstrapDigest))) return bootstrap
    const [row] = await store.read('SELECT id, name, role FROM operators WHERE digest = $1', [digest])
    return (
      row && { id: String(row['id']), name: String(row['name']), role: row['role'] === 'admin' ? 'admin' : 'viewer' }
    )
  }

  function adding(
    name: string,
    role: Operator['role'],
    digest: string,
    hint: string,
  ): { id: string; unit: Statement[] } {
    const id = newId('op')
    const sql = 'INSERT INTO operators (id, name, role, digest, hint, created_at) VALUES ($1, $2, $3, $4, $5, $6)'
    return { id, unit: [{ sql, params: [id, name, role, digest, hint, Date.now()] }] }
  }

  async function any(): Promise<boolean> {
    return (await store.read('SELECT id FROM operators LIMIT 1')).length > 0
  }

  /** Throws Problem not_found. */
  async function get(id: string): Promise<Listed> {
    const [row] = await store.read('SELECT * FROM operators WHERE id = $1', [id])
    if (!row) throw new Problem('not_found', { sentence: 'There is no such operator.' })
    return listedOf(row)
  }

  /** Newest first. */
  async function list(limit: number, before?: string): Promise<readonly Listed[]> {
    const params: Value[] = before === undefined ? [limit] : [limit, before]
    const where = before === undefined ? '' : 'WHERE id < $2'
    return (await store.read(`SELECT * FROM operators ${where} ORDER BY id DESC LIMIT $1`, params)).map(listedOf)
  }

  /** Refuses as `last` when nobody could change anything afterwards; the bootstrap key always can. */
  function removing(id: string): Statement[] {
    const sql = `DELETE FROM operators WHERE id = $1 AND (role <> 'admin' OR CAST($2 AS BIGINT) = 1
      OR EXISTS (SELECT 1 FROM operators AS others WHERE others.role = 'admin' AND others.id <> $1))`
    // Two admins removed at once must not each take the other for the one who stays, so removals take turns.
    const turn = `INSERT INTO operator_removals (one, count) VALUES (1, 1)
      ON CONFLICT (one) DO UPDATE SET count = operator_removals.count + 1`
    return [
      { sql: turn, params: [] },
      { sql, params: [id, bootstrapDigest ? 1 : 0], must: 'last' },
    ]
  }

  return { find, adding, any, get, list, removing }
}

function listedOf(row: Row): Listed {
  return {
    id: String(row['id']),
    name: String(row['name']),
    role: row['role'] === 'admin' ? 'admin' : 'viewer',
    hint: String(row['hint']),
    createdAtMs: Number(row['created_at']),
  }
}
