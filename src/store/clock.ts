import type { Store } from './store.ts'

/**
 * The database's clock in milliseconds since 1970 UTC, as an expression in SQL. It is one for all replicas, so that
 * none of their own clocks can end what another has set.
 */
export const clocks: Readonly<Record<Store['dialect'], string>> = {
  postgres: 'CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)',
  sqlite: `CAST(unixepoch('subsec') * 1000 AS INTEGER)`,
}
