import { randomBytes } from 'node:crypto'
import { Problem } from '../errors.ts'
import { fault } from '../fields.ts'
import { newId } from '../ids.ts'
import type { Row, Statement, Store, Value } from '../store/store.ts'
import { urlFaults } from './address.ts'
import { type EventName, isEventName } from './events.ts'

/** As anybody may look at it; the secret is in no reading but that of the queue. */
export type Webhook = {
  readonly id: string
  readonly url: string
  readonly events: readonly EventName[]
  readonly enabled: boolean
  readonly version: number
  readonly createdAtMs: number
}

export type WebhookWish = Pick<Webhook, 'url' | 'events'>

/** Bounds what one event costs. */
export const mostWebhooks = 50

const columns = 'id, url, events, enabled, version, created_at'

export type Webhooks = ReturnType<typeof openWebhooks>

/** Who is told what happened. `allowPrivate` is whether a URL may be plain http or lead to a private address. */
export function openWebhooks(store: Store, allowPrivate: boolean) {
  let wanted: ReadonlySet<string> = new Set()

  /**
   * A new webhook; the secret is told here and never again. Its unit refuses as `limit`. Throws Problem bad_request for
   * a URL that nothing may be sent to.
   */
  function creating({ url, events }: WebhookWish): { id: string; secret: string; unit: Statement[] } {
    refuseUrl(url)
    const [id, secret] = [newId('wh'), mintSecret()]
    const params = [id, url, JSON.stringify(events), secret, Date.now(), mostWebhooks]
    return { id, secret, unit: [{ sql: insert, params, must: 'limit' }] }
  }

  /** Throws Problem not_found. */
  async function get(id: string): Promise<Webhook> {
    const [row] = await store.read(`SELECT ${columns} FROM webhooks WHERE id = $1`, [id])
    if (!row) throw new Problem('not_found', { sentence: 'There is no such webhook.' })
    return webhookOf(row)
  }

  /** Newest first. */
  async function list(limit: number, before?: string): Promise<readonly Webhook[]> {
    const params: Value[] = before === undefined ? [limit] : [limit, before]
    const where = before === undefined ? '' : 'WHERE id < $2'
    const sql = `SELECT ${columns} FROM webhooks ${where} ORDER BY id DESC LIMIT $1`
    return (await store.read(sql, params)).map(webhookOf)
  }

  /**
   * Refuses as `version` when somebody else was quicker. What waits for a webhook that is disabled is given up. Throws
   * Problem bad_request for a URL that nothing may be sent to.
   */
  function changing(was: Webhook, change: Partial<WebhookWish & Pick<Webhook, 'enabled'>>): Statement[] {
    if (change.url !== undefined) refuseUrl(change.url)
    const { id, version, url, events, enabled } = { ...was, ...change }
    const params = [id, version, url, JSON.stringify(events), enabled ? 1 : 0]
    const changed: Statement = { sql: update, params, must: 'version' }
    return enabled ? [changed] : [changed, { sql: giveUp, params: [id, Date.now()] }]
  }

  /** Its deliveries go with it. Refuses as `version` when somebody else changed or removed it first. */
  function removing({ id, version }: Webhook): Statement[] {
    return [{ sql: 'DELETE FROM webhooks WHERE id = $1 AND version = $2', params: [id, version], must: 'version' }]
  }

  /**
   * Reads again what anybody wants to be told, after every change and, for those of other replicas, each second; answers
   * whether anybody is there at all.
   */
  async function refresh(): Promise<boolean> {
    const rows = await store.read('SELECT events FROM webhooks WHERE enabled = 1')
    wanted = new Set(rows.flatMap((row) => eventsOf(row)))
    return rows.length > 0
  }

  function refuseUrl(url: string): void {
    const faults = urlFaults(url, allowPrivate)
    if (faults.length > 0) throw fault(...faults.map((each) => `url: ${each}`))
  }

  /** Whether any enabled webhook asked for an event. Waits for nothing, so that the paid door can ask it. */
  function wants(event: EventName): boolean {
    return wanted.has(event)
  }

  return { creating, get, list, changing, removing, refresh, wants }
}

const insert = `INSERT INTO webhooks (id, url, events, secret, enabled, version, created_at)
  SELECT $1, $2, $3, $4, 1, 1, $5 WHERE (SELECT count(*) FROM webhooks) < $6`
const update = `UPDATE webhooks SET version = version + 1, url = $3, events = $4, enabled = $5
  WHERE id = $1 AND version = $2`
const giveUp = `UPDATE deliveries SET state = 'failed', last_error = 'disabled', ended_at = $2
  WHERE webhook_id = $1 AND state = 'pending'`

/** After the Standard Webhooks specification: 24 to 64 random bytes. */
function mintSecret(): string {
  return `whsec_${randomBytes(32).toString('base64')}`
}

/** Names that this version does not know any more, or not yet, are left out. */
export function eventsOf(row: Row): EventName[] {
  const list: unknown = JSON.parse(String(row['events']))
  return [list].flat().filter((each): each is EventName => typeof each === 'string' && isEventName(each))
}

function webhookOf(row: Row): Webhook {
  return {
    id: String(row['id']),
    url: String(row['url']),
    events: eventsOf(row),
    enabled: row['enabled'] === 1,
    version: Number(row['version']),
    createdAtMs: Number(row['created_at']),
  }
}
