import { createHash } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import type { Client } from 'pg'
import { Refusal } from './tool.ts'

/** Everything as text, so that both databases mean the same by it. */
type Line = readonly (string | null)[]
type Column = { readonly name: string; readonly type: 'bigint' | 'text' }
export type Table = { readonly name: string; readonly columns: readonly Column[]; readonly key: readonly Column[] }
/** How many rows, and a digest of all of them in the order of their key. */
export type Tally = { readonly rows: number; readonly digest: string }

/** What belongs to one database and not to the ledger in it. */
const left = ['schema_migrations', 'instances']
const rowsAtOnce = 500

/** The tables of a ledger, each behind those its rows refer to. */
export function tablesOf(ledger: DatabaseSync): readonly Table[] {
  const texts = ledger.prepare(`SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`).all()
  const names = texts.map(({ name }) => String(name)).filter((name) => !left.includes(name))
  const sorted: string[] = []
  const place = (name: string): void => {
    if (sorted.includes(name)) return
    const parents = ledger.prepare('SELECT "table" AS parent FROM pragma_foreign_key_list(?)').all(name)
    for (const { parent } of parents) if (parent !== name) place(String(parent))
    sorted.push(name)
  }
  names.forEach(place)
  return sorted.map((name) => tableOf(ledger, name))
}

function tableOf(ledger: DatabaseSync, name: string): Table {
  const rows = ledger.prepare('SELECT name, type, pk FROM pragma_table_info(?) ORDER BY cid').all(name)
  const described = rows.map((row) => {
    if (row['type'] !== 'INTEGER' && row['type'] !== 'TEXT') throw new Error(`${name}.${row['name']} cannot be moved`)
    const type = row['type'] === 'TEXT' ? ('text' as const) : ('bigint' as const)
    return { column: { name: String(row['name']), type }, place: Number(row['pk']) }
  })
  const key = described.filter(({ place }) => place > 0).sort((one, other) => one.place - other.place)
  if (key.length === 0) throw new Error(`${name} has no key to sort by`)
  return { name, columns: described.map(({ column }) => column), key: key.map(({ column }) => column) }
}

/** Writes all rows of a table to the server and answers their tally as they were read. */
export async function copyTable(
  ledger: DatabaseSync,
  client: Client,
  table: Table,
  folder: string,
  progress: (rows: number) => void,
): Promise<Tally> {
  const digest = createHash('sha256')
  let batch: Line[] = []
  let rows = 0
  for (const line of linesOf(ledger, table, folder)) {
    digest.update(JSON.stringify(line))
    if (batch.push(line) < rowsAtOnce) continue
    await insert(client, table, batch)
    rows += batch.length
    batch = []
    progress(rows)
  }
  await insert(client, table, batch)
  return { rows: rows + batch.length, digest: digest.digest('hex') }
}

function* linesOf(ledger: DatabaseSync, { name, columns, key }: Table, folder: string): Generator<Line> {
  const text = `SELECT ${columns.map(quoted)} FROM "${name}" ORDER BY ${key.map(quoted)}`
  const statement = ledger.prepare(text)
  statement.setReadBigInts(true)
  for (const row of statement.iterate()) {
    const values = columns.map((column) => {
      const value = row[column.name]
      // An answer whose file is gone is told as gone from now on.
      if (name === 'replays' && column.name === 'bytes' && !isKept(folder, row)) return null
      return value === null || value === undefined ? null : String(value)
    })
    yield values
  }
}

function isKept(folder: string, row: Readonly<Record<string, unknown>>): boolean {
  const stats = statSync(join(folder, String(row['call_id'])), { throwIfNoEntry: false })
  return row['bytes'] !== null && stats?.size === Number(row['bytes'])
}

async function insert(client: Client, { name, columns }: Table, batch: readonly Line[]): Promise<void> {
  if (batch.length === 0) return
  const arrays = columns.map(({ type }, index) => `$${index + 1}::${type}[]`)
  const text = `INSERT INTO "${name}" (${columns.map(quoted)}) SELECT * FROM unnest(${arrays})`
  const values = columns.map((_, index) => batch.map((line) => line[index] ?? null))
  await client.query(text, values)
}

/** The tally of a table as the server would give it back. */
export async function tallyOf(client: Client, { name, columns, key }: Table): Promise<Tally> {
  const order = key.map((column) => (column.type === 'text' ? `${quoted(column)} COLLATE "C"` : quoted(column)))
  const shown = columns.map((column) => `${quoted(column)}::text`)
  const reading = `SELECT ${shown} FROM "${name}" ORDER BY ${order}`
  await client.query(`DECLARE moved NO SCROLL CURSOR FOR ${reading}`)
  const digest = createHash('sha256')
  for (let rows = 0; ; ) {
    const piece = await client.query<(string | null)[]>({ text: `FETCH ${rowsAtOnce} FROM moved`, rowMode: 'array' })
    for (const line of piece.rows) digest.update(JSON.stringify(line))
    rows += piece.rows.length
    if (piece.rows.length > 0) continue
    await client.query('CLOSE moved')
    return { rows, digest: digest.digest('hex') }
  }
}

function quoted({ name }: Column): string {
  return `"${name}"`
}

/** Moves the kept answers out of their files, each proved by its digest; answers how many. */
export async function copyBodies(client: Client, folder: string): Promise<number> {
  const { rows } = await client.query<{ call_id: string }>('SELECT call_id FROM replays WHERE bytes IS NOT NULL')
  for (const { call_id: callId } of rows) {
    const bytes = readFileSync(join(folder, callId))
    const text = `INSERT INTO replay_bodies (call_id, bytes) VALUES ($1, $2) RETURNING encode(sha256(bytes), 'hex') AS digest`
    const written = await client.query<{ digest: string }>(text, [callId, bytes])
    const digest = createHash('sha256').update(bytes).digest('hex')
    if (written.rows[0]?.digest !== digest) throw new Refusal(`The kept answer of ${callId} did not arrive as it is.`)
  }
  return rows.length
}
