import type { Ground, Row } from './ground.ts'
import type { Quota, Seen } from './witness.ts'

/**
 * What must hold in every committed state, each as a statement that finds rows which must not be there. They are
 * written from the promises and share no text with the house's own verifier.
 */
export const always: Readonly<Record<string, string>> = {
  'an account is not what its entries and open holds say': `SELECT a.id, a.posted, a.held FROM accounts AS a WHERE
    a.posted <> (SELECT coalesce(sum(e.credits), 0) FROM entries AS e WHERE e.account_id = a.id)
    OR a.held <> (SELECT coalesce(sum(c.held), 0) FROM calls AS c WHERE c.account_id = a.id AND c.state = 'held')
    OR a.held < 0 OR a.posted < a.held OR a.posted > 9007199254740991`,
  'what is posted in the house is not granted minus settled plus refunded': `SELECT 1 AS id WHERE
    (SELECT coalesce(sum(posted), 0) FROM accounts)
    <> (SELECT coalesce(sum(credits), 0) FROM entries WHERE kind IN ('grant', 'adjust'))
      - (SELECT coalesce(sum(credits), 0) FROM calls WHERE state = 'settled')
      + (SELECT coalesce(sum(credits), 0) FROM calls WHERE refunded_at IS NOT NULL)`,
  'a call is charged or refunded twice': `SELECT call_id AS id FROM entries WHERE call_id IS NOT NULL
    GROUP BY call_id, kind HAVING count(*) > 1`,
}

/** What must hold besides once all is quiet. */
export const inTheEnd: Readonly<Record<string, string>> = {
  'a hold is left': `SELECT id FROM calls WHERE state = 'held'`,
  'an entry without its call': `SELECT e.id FROM entries AS e LEFT JOIN calls AS c ON c.id = e.call_id
    WHERE e.kind IN ('charge', 'refund') AND (c.id IS NULL OR c.account_id <> e.account_id)`,
  'a grant that names a call': `SELECT id FROM entries WHERE kind IN ('grant', 'adjust') AND call_id IS NOT NULL`,
  'a settled live call without a charge of its credits': `SELECT c.id FROM calls AS c WHERE c.state = 'settled' AND c.credits > 0
    AND NOT EXISTS (SELECT 1 FROM entries AS e WHERE e.call_id = c.id AND e.kind = 'charge' AND e.credits = -c.credits)`,
  'a charge whose call is not settled': `SELECT e.id FROM entries AS e JOIN calls AS c ON c.id = e.call_id
    WHERE e.kind = 'charge' AND (c.state <> 'settled' OR c.credits <> -e.credits)`,
  'a refund without the mark on its call, or a mark without a refund': `SELECT c.id FROM calls AS c WHERE
    (c.refunded_at IS NOT NULL) <> EXISTS (SELECT 1 FROM entries AS e WHERE e.call_id = c.id AND e.kind = 'refund' AND e.credits = c.credits)`,
  'a released call that costs something': `SELECT id FROM calls WHERE state = 'released' AND credits <> 0`,
  'a live call that held or cost anything but the price': `SELECT id FROM calls WHERE mode = 'live'
    AND (held <> 3000000 OR price <> 3000000 OR (state = 'settled' AND credits <> 3000000))`,
  'a test call that touched money': `SELECT id FROM calls WHERE mode = 'test' AND (held <> 0 OR credits <> 0)`,
  'a call of one account made with the key of another': `SELECT c.id FROM calls AS c JOIN keys AS k ON k.id = c.key_id
    WHERE k.account_id <> c.account_id OR k.mode <> c.mode OR k.spend_id <> c.spend_id`,
  'entries with a gap, a repeat or a wrong balance after them': `SELECT e.id FROM entries AS e WHERE
    e.number <> (SELECT count(*) FROM entries AS f WHERE f.account_id = e.account_id AND f.number <= e.number)
    OR e.posted_after <> (SELECT sum(f.credits) FROM entries AS f WHERE f.account_id = e.account_id AND f.number <= e.number)`,
  'usage that is not what the calls say': `SELECT u.key_id AS id FROM usage AS u WHERE
    u.calls <> (SELECT count(*) FROM calls AS c WHERE c.key_id = u.key_id AND c.day = u.day AND c.offer = u.offer AND c.mode = u.mode)
    OR u.credits <> (SELECT coalesce(sum(c.credits), 0) FROM calls AS c WHERE c.key_id = u.key_id AND c.day = u.day AND c.offer = u.offer
      AND c.mode = u.mode AND c.refunded_at IS NULL)`,
}

/** One line for each promise that is broken now. */
export async function broken(ground: Ground, promises: Readonly<Record<string, string>>): Promise<string[]> {
  const faults: string[] = []
  for (const [fault, sql] of Object.entries(promises)) {
    const rows = await ground.query(sql)
    if (rows.length > 0) faults.push(`${fault}: ${rows.length} rows, such as ${JSON.stringify(rows[0], asText)}`)
  }
  return faults
}

const asText = (_: string, value: unknown) => (typeof value === 'bigint' ? String(value) : value)

/** Replays the witness's record in the order of the commits: states, quotas and numbers of entries. */
export function replayed(record: readonly Seen[], leewayMs: number): string[] {
  const faults: string[] = []
  const states = new Map<string, 'held' | 'settled' | 'released' | 'refunded'>()
  const spends = openSpending('the key', leewayMs)
  const accounts = openSpending('the account', leewayMs)
  const numbers = new Map<string, number>()
  for (const seen of record) {
    if (seen.kind === 'entry') {
      if (seen.day !== (numbers.get(seen.account) ?? 0) + 1)
        faults.push(`${seen.account}: entry ${seen.day} out of turn`)
      numbers.set(seen.account, seen.day)
      continue
    }
    const call = String(seen.call)
    const step = `${states.get(call) ?? 'none'}>${seen.kind === 'hold' ? seen.state : seen.kind === 'end' ? seen.state.split('>')[1] : 'refunded'}`
    if (!['none>held', 'held>settled', 'held>released', 'settled>refunded'].includes(step)) {
      faults.push(`${call}: ${step}`)
    }
    states.set(call, step.split('>')[1] as 'held')
    faults.push(...spends(seen.spend, seen, seen.quota), ...accounts(seen.account, seen, seen.accountQuota))
  }
  return faults
}

/** What of a quota is used by holds and charges, period by period. */
function openSpending(whose: string, leewayMs: number) {
  const used = new Map<string, number>()
  const held = new Map<string, number>()
  const before = new Map<string, { quota: Quota; changedMs: number; previous: Quota }>()

  function add(id: string, { day }: Seen, amount: number): void {
    for (const period of ['total', day, Math.floor(day / 100)]) {
      used.set(`${id} ${period}`, (used.get(`${id} ${period}`) ?? 0) + amount)
    }
  }

  function fits(id: string, { day }: Seen, quota: Quota): boolean {
    if (!quota) return true
    const period = quota.period === 'total' ? 'total' : quota.period === 'day' ? day : Math.floor(day / 100)
    return (used.get(`${id} ${period}`) ?? 0) <= quota.credits
  }

  /** On several connections a quota may change between the check and the record of it. */
  function previous(id: string, seen: Seen, quota: Quota): Quota | undefined {
    const known = before.get(id + seen.key)
    if (!known || JSON.stringify(known.quota) !== JSON.stringify(quota)) {
      before.set(id + seen.key, { quota, changedMs: seen.atMs, previous: known ? known.quota : quota })
    }
    const now = before.get(id + seen.key)
    return now && seen.atMs - now.changedMs < leewayMs ? now.previous : undefined
  }

  return (id: string, seen: Seen, quota: Quota): string[] => {
    if (seen.kind === 'hold') {
      add(id, seen, seen.amount)
      held.set(String(seen.call), seen.amount)
      const old = previous(id, seen, quota)
      if (seen.amount === 0 || fits(id, seen, quota) || (old !== undefined && fits(id, seen, old))) return []
      return [`${seen.call}: ${whose} ${id} went over its quota ${JSON.stringify(quota)}`]
    }
    const back = seen.kind === 'refund' ? seen.amount : (held.get(String(seen.call)) ?? 0) - seen.amount
    add(id, seen, -back)
    return []
  }
}

/** The rows of the record's entries must be the entries there are: none was changed or removed. */
export function unchanged(record: readonly Seen[], entries: readonly Row[]): string[] {
  const told = record
    .filter(({ kind }) => kind === 'entry')
    .map((seen) => [seen.account, seen.day, seen.state, seen.amount, seen.call].join(' '))
  const there = entries.map((row) =>
    [row['account_id'], row['number'], row['kind'], row['credits'], row['call_id']].join(' '),
  )
  const left = new Set(there)
  const lost = told.filter((line) => !left.has(line))
  if (lost.length === 0 && told.length === there.length) return []
  return [`${told.length} entries were written and ${there.length} are there; missing: ${lost.slice(0, 3).join('; ')}`]
}
