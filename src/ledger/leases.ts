import { clocks } from '../store/clock.ts'
import type { Store } from '../store/store.ts'

/** How long a process may be silent before its holds count as nobody's. */
const leaseMs = 60_000

export type Leases = ReturnType<typeof openLeases>

/** Who serves this database, as far as others can tell. All throw StoreUnavailable. */
export function openLeases(store: Store, owner: string) {
  const now = clocks[store.dialect]

  /** Lives on for the length of a lease. Must be asked before the owner's first hold. */
  async function renew(): Promise<void> {
    const sql = `INSERT INTO instances (id, until) VALUES ($1, ${now} + $2)
      ON CONFLICT (id) DO UPDATE SET until = excluded.until`
    await store.write([{ sql, params: [owner, leaseMs] }], { lane: 'end' })
  }

  /** Owners of open holds whose lease is over, or who never had one. */
  async function gone(): Promise<readonly string[]> {
    const rows =
      await store.read(`SELECT DISTINCT calls.owner FROM calls LEFT JOIN instances ON instances.id = calls.owner
      WHERE calls.state = 'held' AND (instances.until IS NULL OR instances.until < ${now})`)
    return rows.map((row) => String(row['owner']))
  }

  /** How many processes serve this database now. */
  async function alive(): Promise<number> {
    const [row] = await store.read(`SELECT count(*) AS alive FROM instances WHERE until >= ${now}`)
    return Number(row?.['alive'] ?? 1)
  }

  /** Forgets those whose lease is over and who own nothing any more. */
  async function forget(): Promise<void> {
    const sql = `DELETE FROM instances WHERE until < ${now}
      AND NOT EXISTS (SELECT 1 FROM calls WHERE calls.owner = instances.id AND calls.state = 'held')`
    await store.write([{ sql, params: [] }], { lane: 'end' })
  }

  /** The owner is done; what it left open may be released at once. */
  async function leave(): Promise<void> {
    await store.write([{ sql: 'DELETE FROM instances WHERE id = $1', params: [owner] }], { lane: 'end' })
  }

  return { owner, renew, alive, gone, forget, leave }
}
