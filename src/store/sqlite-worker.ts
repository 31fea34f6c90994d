/** The thread that owns one connection to the SQLite file, so that no fsync ever halts the event loop of the server. */
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { parentPort, workerData } from 'node:worker_threads'
import type { Trouble } from '../errors.ts'
import { type Migration, migrationsFor } from './migrate.ts'
import { copyBeforeMigration } from './sqlite-backup.ts'
import { askedOf, type Row, type Step, StoreRefusal, type Value } from './store.ts'

export type Seat = { readonly path: string; readonly role: 'writer' | 'reader' }
type Asked = readonly [statement: number, params: readonly Value[], must: string | null]
/** A step of a form. */
export type Shape = Omit<Step, 'sql'> & { readonly statement: number }
/** The statements of a unit, or the number of its form and its row. */
export type Told = readonly Asked[] | ToldForm
type ToldForm = readonly [form: number, row: readonly Value[]]
export type Errand = {
  /** What was not told before; numbered in this order. */
  readonly texts: readonly string[]
  readonly forms: readonly (readonly Shape[])[]
  readonly units: readonly Told[]
}
export type Reply =
  | { readonly rows: readonly (readonly Row[])[] }
  | { readonly refused: string }
  | { readonly trouble: Trouble | undefined; readonly error: string }
export type Opened = { readonly opened: true } | { readonly refusal: string; readonly exitCode: 65 | 75 | 78 }

/** Larger files are checked by `tollgate doctor` instead, since the whole file is read. */
const checkedAtStartBytes = 128 * 1024 * 1024
const busyTimeoutMs = 2000

const { path, role } = workerData as Seat
const port = parentPort
if (!port) throw new Error('sqlite-worker runs as a worker only')

class Refused extends Error {
  readonly word: string
  readonly index: number
  constructor(word: string, index: number) {
    super(word)
    this.word = word
    this.index = index
  }
}

/** By the near side's numbers; each is prepared when first used, so that one that cannot be never shifts the others. */
const known: string[] = []
const statements: (Prepared | undefined)[] = []
const forms: (readonly Shape[])[] = []
let database: DatabaseSync

function open(): Opened {
  try {
    database = new DatabaseSync(path, { readOnly: role === 'reader', timeout: busyTimeoutMs })
    database.exec('PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16384')
    if (role === 'writer') return openWriter()
    return { opened: true }
  } catch (error) {
    if (error instanceof StoreRefusal) return { refusal: error.message, exitCode: error.exitCode }
    return { refusal: sentenceFor(error), exitCode: troubleOf(error) === 'corrupt' ? 65 : 78 }
  }
}

function openWriter(): Opened {
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4000')
  const bytes = database.prepare('SELECT page_count * page_size AS n FROM pragma_page_count, pragma_page_size').get()
  if (Number(bytes?.['n']) <= checkedAtStartBytes) {
    const verdict = database.prepare('PRAGMA quick_check(1)').get()?.['quick_check']
    if (verdict !== 'ok') return { refusal: `${path} is damaged (${verdict}); restore a backup.`, exitCode: 65 }
  }
  return migrate(migrationsFor('sqlite'))
}

function migrate(migrations: readonly Migration[]): Opened {
  database.exec(`CREATE TABLE IF NOT EXISTS schema_migrations
    (number INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL) STRICT`)
  const at = Number(database.prepare('SELECT coalesce(max(number), 0) AS n FROM schema_migrations').get()?.['n'])
  if (at > (migrations.at(-1)?.number ?? 0)) {
    return { refusal: `${path} was written by a newer Tollgate (schema ${at}); start that version.`, exitCode: 78 }
  }
  const pending = migrations.filter((each) => each.number > at)
  // The way back, should the newer version turn out not to fit.
  if (at > 0 && pending[0]) copyBeforeMigration(database, path, pending[0].number)
  // A migration may change what a table says of itself without writing its rows anew.
  database.enableDefensive(false)
  for (const { number, name, sql } of pending) {
    database.exec(`BEGIN IMMEDIATE; ${sql};`)
    database.prepare('INSERT INTO schema_migrations VALUES (?, ?, ?)').run(number, name, Date.now())
    database.exec('COMMIT')
  }
  database.enableDefensive(true)
  return { opened: true }
}

function step(statement: number, params: readonly Value[], must: string | null, index: number): readonly Row[] {
  const { run, yields } = statementAt(statement)
  if (yields) {
    const rows = run.all(...params) as Row[]
    if (must !== null && rows.length === 0) throw new Refused(must, index)
    return rows
  }
  const { changes } = run.run(...params)
  if (must !== null && changes === 0) throw new Refused(must, index)
  return []
}

function runUnit(unit: Told): Reply {
  if (isFilled(unit)) return runForm(unit)
  return { rows: unit.map(([statement, params, must], index) => step(statement, params, must, index)) }
}

function isFilled(unit: Told): unit is ToldForm {
  return typeof unit[0] === 'number'
}

function runForm([form, row]: ToldForm): Reply {
  const asked = askedOf(forms[form] ?? [], row)
  return { rows: asked.map(({ step: { statement, must }, params }, at) => step(statement, params, must ?? null, at)) }
}

/** One commit for all. Only a unit that fails after its first effect costs the others a second run with savepoints. */
function writeGroup(units: readonly Told[], savepoints: boolean): Reply[] {
  database.exec('BEGIN IMMEDIATE')
  const replies: Reply[] = []
  for (const unit of units) {
    if (savepoints) database.exec('SAVEPOINT unit')
    try {
      replies.push(runUnit(unit))
    } catch (error) {
      if (!database.isTransaction) throw error
      const untouched = error instanceof Refused && error.index === 0
      if (!untouched && !savepoints) {
        database.exec('ROLLBACK')
        return writeGroup(units, true)
      }
      if (!untouched && troubleOf(error)) throw error
      if (savepoints) database.exec('ROLLBACK TO unit')
      replies.push(failed(error))
    }
    if (savepoints) database.exec('RELEASE unit')
  }
  database.exec('COMMIT')
  return replies
}

function failed(error: unknown): Reply {
  if (error instanceof Refused) return { refused: error.word }
  return { trouble: troubleOf(error), error: String(error) }
}

function serve({ texts, forms: more, units }: Errand): Reply[] {
  try {
    known.push(...texts)
    forms.push(...more)
    return role === 'writer' ? writeGroup(units, false) : units.map(readUnit)
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK')
    const reply = failed(error)
    return units.map(() => reply)
  }
}

function readUnit(unit: Told): Reply {
  database.exec('BEGIN')
  try {
    return runUnit(unit)
  } catch (error) {
    return failed(error)
  } finally {
    database.exec('ROLLBACK')
  }
}

type Prepared = { readonly run: StatementSync; readonly yields: boolean }

function statementAt(number: number): Prepared {
  const text = known[number]
  if (text === undefined) throw new Error(`no statement ${number}`)
  const ready = statements[number] ?? prepared(text)
  statements[number] = ready
  return ready
}

function prepared(text: string): Prepared {
  // node:sqlite binds `$1` by name only; `?1` is the same place by number.
  const run = database.prepare(text.replaceAll(/\$(\d+)/g, '?$1'))
  return { run, yields: run.columns().length > 0 }
}

// https://sqlite.org/rescode.html: the low byte is the primary code.
const troubles: Readonly<Record<number, Trouble>> = {
  5: 'busy',
  6: 'busy',
  8: 'readonly',
  10: 'io',
  11: 'corrupt',
  13: 'full',
  14: 'io',
  26: 'corrupt',
}

function troubleOf(error: unknown): Trouble | undefined {
  const code = (error as { errcode?: unknown }).errcode
  return typeof code === 'number' ? troubles[code & 0xff] : undefined
}

function sentenceFor(error: unknown): string {
  const trouble = troubleOf(error)
  if (trouble === 'corrupt') return `${path} is damaged or not a database; restore a backup.`
  if (trouble === 'readonly') return `DATABASE_URL: ${path} cannot be written; check its owner and mode.`
  if (trouble === 'busy') return `DATABASE_URL: ${path} is locked by another program.`
  if (trouble === 'full') return `DATABASE_URL: the disk of ${path} is full.`
  return `DATABASE_URL: ${path} cannot be opened: ${error instanceof Error ? error.message : error}`
}

const opened = open()
port.postMessage(opened)
if ('refusal' in opened) port.close()
else {
  // As JSON text: for these small nested lists it costs a fraction of a structured clone.
  port.on('message', (errand: string) => {
    if (errand !== 'close') return port.postMessage(JSON.stringify(serve(JSON.parse(errand) as Errand)))
    database.close()
    port.close()
  })
}
