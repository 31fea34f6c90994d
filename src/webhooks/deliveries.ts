import { newId } from '../ids.ts'
import { clocks } from '../store/clock.ts'
import type { Row, Statement, Store, Value } from '../store/store.ts'
import { bodyOf, type Message, testEvent } from './events.ts'
import type { Parcel } from './sender.ts'
import { eventsOf } from './webhooks.ts'

const states = ['pending', 'delivered', 'failed'] as const

export type Delivery = {
  readonly id: string
  readonly webhookId: string
  readonly event: string
  readonly body: string
  readonly state: (typeof states)[number]
  readonly attempts: number
  /** When it is sent next; null once it has ended. */
  readonly nextAtMs: number | null
  readonly lastStatus: number | null
  readonly lastError: string | null
  readonly createdAtMs: number
  readonly endedAtMs: number | null
}

/** The next delivery of a webhook whose time has come. */
export type Due = { readonly webhookId: string; readonly deliveryId: string; readonly attempts: number }

/** A delivery in our hands: nobody else sends it before the lease is over. */
export type Taken = Parcel & { readonly webhookId: string; readonly event: string; readonly attempts: number }

/** How a sending ended: for good, or to be tried again. */
export type Ending = {
  readonly state: Delivery['state']
  readonly status: number | null
  readonly error: string | null
  /** Until it is tried again, where it is pending. */
  readonly waitMs: number
}

export type Deliveries = ReturnType<typeof openDeliveries>

/** What is sent to webhooks: the queue that all replicas share, and its log. All throw StoreUnavailable. */
export function openDeliveries(store: Store) {
  const now = clocks[store.dialect]

  /** Statements that queue a message for every enabled webhook that asked for it. */
  async function queueing(message: Message): Promise<Statement[]> {
    const rows = await store.read('SELECT id, events FROM webhooks WHERE enabled = 1')
    const asked = rows.filter((row) => eventsOf(row).some((event) => event === message.type))
    return asked.map((row) => queueFor(String(row['id']), message).statement)
  }

  /** A test event for one webhook; refuses as `enabled` where it is not. */
  function testing(webhookId: string): { id: string; unit: Statement[] } {
    const { id, statement } = queueFor(webhookId, { type: testEvent, data: { webhook_id: webhookId } })
    return { id, unit: [{ ...statement, must: 'enabled' }] }
  }

  function queueFor(webhookId: string, message: Message): { id: string; statement: Statement } {
    const [id, nowMs] = [newId('msg'), Date.now()]
    const sql = `INSERT INTO deliveries (id, webhook_id, event, body, state, attempts, next_at, created_at)
      SELECT $1, webhooks.id, $3, $4, 'pending', 0, ${now}, $5 FROM webhooks WHERE webhooks.id = $2 AND webhooks.enabled = 1`
    return { id, statement: { sql, params: [id, webhookId, message.type, bodyOf(message, nowMs), nowMs] } }
  }

  /** For each enabled webhook the delivery whose time came first. */
  async function due(): Promise<readonly Due[]> {
    const rows = await store.read(`SELECT webhooks.id AS webhook_id, deliveries.id, deliveries.attempts FROM webhooks
      JOIN deliveries ON deliveries.id = (SELECT waiting.id FROM deliveries AS waiting
        WHERE waiting.webhook_id = webhooks.id AND waiting.state = 'pending' AND waiting.next_at <= ${now}
        ORDER BY waiting.next_at, waiting.id LIMIT 1)
      WHERE webhooks.enabled = 1`)
    return rows.map((row) => ({
      webhookId: String(row['webhook_id']),
      deliveryId: String(row['id']),
      attempts: Number(row['attempts']),
    }))
  }

  /** Takes a due delivery for so long; undefined when another replica was quicker. */
  async function take({ deliveryId, attempts }: Due, leaseMs: number): Promise<Taken | undefined> {
    const sql = `UPDATE deliveries SET attempts = attempts + 1, next_at = ${now} + $3
      WHERE id = $1 AND attempts = $2 AND state = 'pending' AND next_at <= ${now}`
    const done = await store.write([{ sql, params: [deliveryId, attempts, leaseMs], must: 'taken' }])
    if (done.refused !== undefined) return undefined
    const [row] = await store.read(
      `SELECT deliveries.id, deliveries.webhook_id, deliveries.event, deliveries.body, webhooks.url, webhooks.secret
        FROM deliveries JOIN webhooks ON webhooks.id = deliveries.webhook_id WHERE deliveries.id = $1`,
      [deliveryId],
    )
    return row && takenOf(row, attempts + 1)
  }

  /** Touches nothing when the lease was over and another replica has taken it since. */
  function ending({ id, attempts }: Taken, { state, status, error, waitMs }: Ending): Statement {
    const sql = `UPDATE deliveries SET state = $3, last_status = $4, last_error = $5, next_at = ${now} + $6, ended_at = $7
      WHERE id = $1 AND attempts = $2 AND state = 'pending'`
    const params = [id, attempts, state, status, error, waitMs, state === 'pending' ? null : Date.now()]
    return { sql, params }
  }

  /** As if it had not been taken. */
  function givingBack({ id, attempts }: Taken): Statement {
    const sql = `UPDATE deliveries SET attempts = attempts - 1, next_at = ${now}
      WHERE id = $1 AND attempts = $2 AND state = 'pending'`
    return { sql, params: [id, attempts] }
  }

  /** Disables a webhook that has said it is gone, and gives up what waits for it. */
  function disabling(webhookId: string): Statement[] {
    const disable = 'UPDATE webhooks SET enabled = 0, version = version + 1 WHERE id = $1 AND enabled = 1'
    const giveUp = `UPDATE deliveries SET state = 'failed', last_error = 'disabled', ended_at = $2
      WHERE webhook_id = $1 AND state = 'pending'`
    return [
      { sql: disable, params: [webhookId], must: 'disabled' },
      { sql: giveUp, params: [webhookId, Date.now()] },
    ]
  }

  /** The log of a webhook, newest first. */
  async function list(webhookId: string, limit: number, before?: string): Promise<readonly Delivery[]> {
    const params: Value[] = before === undefined ? [webhookId, limit] : [webhookId, limit, before]
    const older = before === undefined ? '' : 'AND id < $3'
    const sql = `SELECT * FROM deliveries WHERE webhook_id = $1 ${older} ORDER BY id DESC LIMIT $2`
    return (await store.read(sql, params)).map(deliveryOf)
  }

  async function get(id: string): Promise<Delivery | undefined> {
    const [row] = await store.read('SELECT * FROM deliveries WHERE id = $1', [id])
    return row && deliveryOf(row)
  }

  /** Removes at most so many rows older than an id, and answers how many. */
  async function forget(beforeId: string, most: number): Promise<number> {
    const sql = `DELETE FROM deliveries WHERE id IN (SELECT id FROM deliveries WHERE id < $1 ORDER BY id LIMIT $2) RETURNING id`
    const done = await store.write([{ sql, params: [beforeId, most] }])
    return done.rows[0]?.length ?? 0
  }

  return { queueing, testing, due, take, ending, givingBack, disabling, list, get, forget }
}

function takenOf(row: Row, attempts: number): Taken {
  return {
    id: String(row['id']),
    webhookId: String(row['webhook_id']),
    event: String(row['event']),
    body: String(row['body']),
    url: String(row['url']),
    secret: String(row['secret']),
    attempts,
  }
}

function deliveryOf(row: Row): Delivery {
  const numberOr = (value: Value | undefined) => (typeof value === 'number' ? value : null)
  const state = states.find((each) => each === row['state']) ?? 'failed'
  return {
    id: String(row['id']),
    webhookId: String(row['webhook_id']),
    event: String(row['event']),
    body: String(row['body']),
    state,
    attempts: Number(row['attempts']),
    nextAtMs: state === 'pending' ? Number(row['next_at']) : null,
    lastStatus: numberOr(row['last_status']),
    lastError: typeof row['last_error'] === 'string' ? row['last_error'] : null,
    createdAtMs: Number(row['created_at']),
    endedAtMs: numberOr(row['ended_at']),
  }
}
