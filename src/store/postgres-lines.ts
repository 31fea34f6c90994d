import { Pool, type PoolClient } from 'pg'
import { StoreUnavailable } from '../errors.ts'
import { endsConnection, told } from './postgres-trouble.ts'
import { type Command, Exchange } from './postgres-wire.ts'
import type { Row } from './store.ts'

export type Lines = ReturnType<typeof openLines>

const connectTimeoutMs = 3000
/** A server that falls silent without closing the connection is noticed after this; longer than a write may take. */
const silenceMs = 4000

type How = {
  readonly patienceMs?: number
  /** The commands open a transaction block of their own, which a failure leaves open. */
  readonly block?: boolean
}

/** A few connections to one database. `url` has the password, so it goes into no message. */
export function openLines(url: string, most: number) {
  const pool = new Pool({
    connectionString: url,
    application_name: 'tollgate',
    max: most,
    connectionTimeoutMillis: connectTimeoutMs,
    idleTimeoutMillis: 60_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 5000,
  })
  // The broken connection has left the pool by then; whoever used it learns from the answer that never came.
  pool.on('error', () => undefined)
  pool.on('connect', (client) => client.on('error', () => undefined))

  /** Runs commands as one transaction. Throws CommandRefused, or StoreUnavailable when it never got there. */
  async function send(commands: readonly Command[], how: How = {}): Promise<readonly (readonly Row[])[]> {
    const client = await pool.connect().catch((error: unknown) => {
      throw new StoreUnavailable(isFull(pool) ? 'busy' : 'gone', told(error))
    })
    try {
      const rows = await answered(client, new Exchange(commands), how.patienceMs ?? silenceMs)
      client.release()
      return rows
    } catch (error) {
      client.release(how.block === true || endsConnection(error))
      throw error
    }
  }

  return { send, close: () => pool.end() }
}

function isFull(pool: Pool): boolean {
  return pool.totalCount >= (pool.options.max ?? 0)
}

function answered(client: PoolClient, exchange: Exchange, patienceMs: number) {
  const timer = setTimeout(() => exchange.handleError(new Error('the server fell silent')), patienceMs)
  client.query(exchange)
  return exchange.rows.finally(() => clearTimeout(timer))
}
