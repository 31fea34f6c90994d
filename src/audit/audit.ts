import { newId } from '../ids.ts'
import type { Statement } from '../store/store.ts'

/** Who made a change: an operator's or a key's id. */
export type Actor = string

/** The row that tells of a change; written in the change's own unit. Callers hand in public views, never a secret. */
export function note(actor: Actor, action: string, subject: string, before: unknown, after: unknown): Statement {
  return {
    sql: 'INSERT INTO audit (id, actor, action, subject, before, after, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)',
    params: [newId('aud'), actor, action, subject, json(before), json(after), Date.now()],
  }
}

function json(value: unknown): string | null {
  return value === undefined ? null : JSON.stringify(value)
}
