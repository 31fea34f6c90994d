import { timingSafeEqual } from 'node:crypto'
import { newId } from '../ids.ts'
import type { Statement, Store } from '../store/store.ts'

export type Operator = { readonly id: string; readonly name: string; readonly role: 'admin' | 'viewer' }

/** Stands in the audit for whoever signs in with the bootstrap key. */
export const bootstrap: Operator = { id: 'op_bootstrap', name: 'bootstrap', role: 'admin' }

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

  return { find, adding, any }
}
