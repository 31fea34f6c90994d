import { newId } from '../ids.ts'
import { newestFirst, spanOf, within } from '../store/newest.ts'
import type { Row, Statement, Store, Value } from '../store/store.ts'

/** Who made a change: an operator's or a key's id. */
export type Actor = string

/** What was there before a change and after it; undefined for nothing. */
export type Change = { readonly before?: unknown; readonly after?: unknown }

const insert =
  'INSERT INTO audit (id, actor, action, subject, before, after, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)'

/** The row that tells of a change; written in the change's own unit. Callers hand in public views, never a secret. */
export function note(actor: Actor, action: string, subject: string, before: unknown, after: unknown): Statement {
  return { sql: insert, params: [newId('aud'), actor, action, subject, json(before), json(after), Date.now()] }
}

/** A note whose personal part stands apart, so that `forgetting` can erase it without changing the note. */
export function noteApart(
  actor: Actor,
  action: string,
  subject: string,
  { before, after }: Change,
  personal: Change,
): Statement[] {
  const told = note(actor, action, subject, before, after)
  const sql = 'INSERT INTO particulars (audit_id, subject, before, after) VALUES ($1, $2, $3, $4)'
  const [id = null] = told.params
  return [told, { sql, params: [id, subject, json(personal.before), json(personal.after)] }]
}

/** Erases what audit rows say of the person behind a subject. */
export function forgetting(subject: string): Statement {
  return { sql: 'DELETE FROM particulars WHERE subject = $1', params: [subject] }
}

/** Removes at most so many rows older than an id, and answers how many. */
export async function forget(store: Store, beforeId: string, most: number): Promise<number> {
  const old = 'SELECT id FROM audit WHERE id < $1 ORDER BY id LIMIT $2'
  const done = await store.write([
    { sql: `DELETE FROM particulars WHERE audit_id IN (${old})`, params: [beforeId, most] },
    { sql: `DELETE FROM audit WHERE id IN (${old}) RETURNING id`, params: [beforeId, most] },
  ])
  return done.rows[1]?.length ?? 0
}

function json(value: unknown): string | null {
  return value === undefined ? null : JSON.stringify(value)
}

export type Note = {
  readonly id: string
  readonly actor: Actor
  readonly action: string
  readonly subject: string
  readonly before: Readonly<Record<string, unknown>> | null
  readonly after: Readonly<Record<string, unknown>> | null
  readonly createdAtMs: number
}

export type NoteFilter = {
  readonly actor?: string | undefined
  readonly action?: string | undefined
  readonly subject?: string | undefined
  readonly fromMs?: number | undefined
  readonly toMs?: number | undefined
  readonly before?: string | undefined
  readonly limit: number
}

/** What was changed and by whom, newest first. */
export async function notes(store: Store, filter: NoteFilter): Promise<readonly Note[]> {
  const { sql, params } = finding(filter)
  return (await store.read(sql, params)).map(noteOf)
}

const slipMs = 3_600_000

/** Conditions are written only for what is asked, so that an index can serve them. */
export function finding({ limit, fromMs, toMs, before, ...filter }: NoteFilter): { sql: string; params: Value[] } {
  const params: Value[] = [limit]
  const place = (value: Value) => `$${params.push(value)}`
  // A subject has few rows, so its index is to be taken where there is one; an expression has none.
  const asked = (['subject', 'actor', 'action'] as const).flatMap((name) => {
    const value = filter[name]
    return value === undefined ? [] : [[`audit.${name}`, place(value)] as const]
  })
  const lead = asked.shift()
  const conditions = asked.map(([column, value]) => `${column} || '' = ${value}`)
  const order = lead ? [lead[0], 'audit.id'] : ['audit.id']
  const span = spanOf('aud', { fromMs, toMs, before }, slipMs, slipMs)
  conditions.push(...within(order, lead?.[1], span, place))
  if (fromMs !== undefined) conditions.push(`audit.created_at >= ${place(fromMs)}`)
  if (toMs !== undefined) conditions.push(`audit.created_at < ${place(toMs)}`)
  const where = conditions.length > 0 ? `WHERE ${conditions.join(' AND ')}` : ''
  return {
    sql: `SELECT audit.*, particulars.before AS personal_before, particulars.after AS personal_after
      FROM audit LEFT JOIN particulars ON particulars.audit_id = audit.id ${where} ${newestFirst(order)} LIMIT $1`,
    params,
  }
}

function noteOf(row: Row): Note {
  return {
    id: String(row['id']),
    actor: String(row['actor']),
    action: String(row['action']),
    subject: String(row['subject']),
    before: merged(row['before'], row['personal_before']),
    after: merged(row['after'], row['personal_after']),
    createdAtMs: Number(row['created_at']),
  }
}

function merged(...texts: readonly (Value | undefined)[]): Readonly<Record<string, unknown>> | null {
  const parts = texts.flatMap((text) => (typeof text === 'string' ? [JSON.parse(text) as Record<string, unknown>] : []))
  return parts.length === 0 ? null : Object.assign({}, ...parts)
}
