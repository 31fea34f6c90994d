import { clocks } from '../store/clock.ts'
import type { Statement, Store } from '../store/store.ts'
import type { EventName } from './events.ts'

/** What a claim is about: an event and whom it concerns. */
export type Alert = { readonly event: EventName; readonly subject: string }

/** How long a claim keeps others from claiming the same. */
type Bounds = {
  /** Another state can be claimed at once. */
  readonly state?: string | undefined
  /** The same can be claimed again after so long; not before it is over when not given. */
  readonly againAfterMs?: number | undefined
}

export type Alerts = ReturnType<typeof openAlerts>

/** What was told and is not over yet, the same for all replicas. */
export function openAlerts(store: Store) {
  const now = clocks[store.dialect]

  /** Refuses as `told` when it was claimed before; written in one unit with what is told. */
  function claiming({ event, subject }: Alert, { state = 'on', againAfterMs }: Bounds = {}): Statement {
    const again = againAfterMs === undefined ? '' : `OR alerts.since <= ${now} - $4`
    const sql = `INSERT INTO alerts (event, subject, state, since) VALUES ($1, $2, $3, ${now})
      ON CONFLICT (event, subject) DO UPDATE SET state = excluded.state, since = excluded.since
      WHERE alerts.state <> excluded.state ${again}`
    const params = [event, subject, state, ...(againAfterMs === undefined ? [] : [againAfterMs])]
    return { sql, params, must: 'told' }
  }

  /** It is over, and can be told again; what was told after a moment stays. */
  function ending({ event, subject }: Alert, toldBeforeMs = Number.MAX_SAFE_INTEGER): Statement {
    const sql = 'DELETE FROM alerts WHERE event = $1 AND subject = $2 AND since <= $3'
    return { sql, params: [event, subject, toldBeforeMs] }
  }

  /** Subjects of what was told of an event, behind a given one in the order of their names. */
  async function told(event: EventName, after: string, limit: number): Promise<readonly string[]> {
    const sql = 'SELECT subject FROM alerts WHERE event = $1 AND subject > $2 ORDER BY subject LIMIT $3'
    return (await store.read(sql, [event, after, limit])).map((row) => String(row['subject']))
  }

  /** Which of these subjects were told of. */
  async function toldAmong(event: EventName, subjects: readonly string[]): Promise<ReadonlySet<string>> {
    const found = new Set<string>()
    for (let start = 0; start < subjects.length; start += subjectsAtOnce) {
      const some = subjects.slice(start, start + subjectsAtOnce)
      const [first = ''] = some
      const all = [...some, ...Array<string>(subjectsAtOnce - some.length).fill(first)]
      const rows = await store.read(among, [event, ...all])
      for (const row of rows) found.add(String(row['subject']))
    }
    return found
  }

  return { claiming, ending, told, toldAmong }
}

/** One text for any number of subjects, so that the database keeps one plan. */
const subjectsAtOnce = 50
const places = Array.from({ length: subjectsAtOnce }, (_, index) => `$${index + 2}`).join(', ')
const among = `SELECT subject FROM alerts WHERE event = $1 AND subject IN (${places})`
