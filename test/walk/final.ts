import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { masterToken } from '../support/house.ts'
import type { StandIn } from '../support/stand-in.ts'
import type { Acts, Tenant } from './acts.ts'
import type { Door } from './fleet.ts'
import type { Ground } from './ground.ts'
import { always, broken, inTheEnd, replayed, unchanged } from './money.ts'
import type { Plan } from './plan.ts'
import { contradictions, crowded, type Evidence } from './verdict.ts'
import { recordOf } from './witness.ts'

/** Where a walk takes place. */
export type Scene = {
  readonly plan: Plan
  readonly standIn: StandIn
  readonly ground: Ground
  readonly doors: readonly Door[]
  readonly tenants: readonly Tenant[]
  readonly folder: string
}

type Told = Pick<Evidence, 'heard' | 'downs'> & { readonly acts: Acts }

/** Once all is quiet: holds everything that was seen against every promise, and closes the houses. */
export async function verdict(scene: Scene, { heard, downs, acts }: Told): Promise<string[]> {
  const { ground, doors, standIn, plan } = scene
  const [calls, entries, record] = [
    await ground.query('SELECT * FROM calls'),
    await ground.query('SELECT * FROM entries'),
    await recordOf(ground),
  ]
  const evidence = { heard, dispatched: standIn.calls, calls, record, downs, barred: acts.barred }
  const most = new Map(
    (await ground.query('SELECT id, max_concurrency FROM keys WHERE max_concurrency IS NOT NULL')).map((row) => [
      String(row['id']),
      Number(row['max_concurrency']) * doors.length,
    ]),
  )
  // A dead replica's slots are free before its holds are.
  const slots = ground.database.kind === 'sqlite' || plan.kills.length === 0 ? crowded(record, most) : []
  const faults = [
    ...(await broken(ground, { ...always, ...inTheEnd })),
    ...replayed(record, ground.database.kind === 'sqlite' ? 0 : 2000),
    ...unchanged(record, entries),
    ...contradictions(evidence),
    ...slots,
    ...(await asGranted(scene, acts.granted)),
  ]
  for (const door of doors) {
    const books = await door.admin('GET', '/books')
    if (books?.body['balanced'] !== true) faults.push(`the house finds its books wrong: ${JSON.stringify(books?.body)}`)
    const surprise = door.surprise()
    if (surprise) faults.push(surprise)
    const code = await door.stop()
    if (code !== 0) faults.push(`a quiet house ended with ${code}`)
  }
  return [...faults, ...(await leaks(scene))]
}

/** What operators were told is granted must be what is granted, each once. */
async function asGranted({ ground, tenants }: Scene, granted: ReadonlyMap<string, number>): Promise<string[]> {
  const rows = await ground.query(
    `SELECT account_id, sum(credits) AS total FROM entries WHERE kind IN ('grant', 'adjust') GROUP BY account_id`,
  )
  const there = new Map(rows.map((row) => [String(row['account_id']), Number(row['total'])]))
  return tenants.flatMap(({ id, plan }) => {
    const [is, should] = [there.get(id) ?? 0, plan.credits + (granted.get(id) ?? 0)]
    return is === should ? [] : [`${id} was granted ${is} and operators were told ${should}`]
  })
}

/** The master token may be nowhere but in what was sent upstream: not in the log, not in the database, in no form. */
async function leaks({ doors, folder, ground }: Scene): Promise<string[]> {
  const forms = formsOf(masterToken)
  const holds = (bytes: Buffer) => forms.some((form) => bytes.includes(form))
  const faults: string[] = []
  for (const door of doors) if (holds(Buffer.from(door.written()))) faults.push('the master token is in the output')
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const path = join(folder, name)
    if (statSync(path).isFile() && holds(readFileSync(path))) faults.push(`the master token is in ${name}`)
  }
  if (ground.database.kind === 'sqlite') return faults
  for (const table of ['calls', 'entries', 'audit', 'keys', 'accounts', 'replays', 'operators']) {
    const rows = await ground.query(`SELECT * FROM ${table}`)
    if (holds(Buffer.from(JSON.stringify(rows)))) faults.push(`the master token is in ${table}`)
  }
  return faults
}

/** Plain, and in Base64 at each of the three places where it can begin. */
function formsOf(text: string): string[] {
  const encoded = [0, 1, 2].map((shift) => {
    const bytes = Buffer.concat([Buffer.alloc(shift), Buffer.from(text)]).toString('base64')
    return bytes.slice(Math.ceil((shift * 4) / 3) + 1, -4)
  })
  return [text, ...encoded]
}
