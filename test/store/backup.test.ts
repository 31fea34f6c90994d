import assert from 'node:assert/strict'
import {
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type TestContext, test } from 'node:test'
import { migrationsFor } from '../../src/store/migrate.ts'
import { openSqlite } from '../../src/store/sqlite.ts'
import { copyBeforeMigration, draftCopy, publish } from '../../src/store/sqlite-backup.ts'
import { checkLedger } from '../../src/store/sqlite-reading.ts'
import { StoreRefusal } from '../../src/store/store.ts'

const newest = migrationsFor('sqlite').at(-1)?.number ?? 0
const older = migrationsFor('sqlite').at(-2)?.number ?? 0

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-backup-'))
  t.after(() => rmSync(folder, { recursive: true }))
  return folder
}

/** A ledger as the last version but one left it, with so many operators in it. */
function olderLedger(path: string, rows = 3): DatabaseSync {
  const ledger = new DatabaseSync(path, { defensive: false })
  ledger.exec('PRAGMA journal_mode = WAL')
  ledger.exec(
    'CREATE TABLE schema_migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL) STRICT',
  )
  for (const { number, name, sql } of migrationsFor('sqlite').slice(0, -1)) {
    ledger.exec(sql)
    ledger.prepare('INSERT INTO schema_migrations VALUES (?, ?, 1)').run(number, name)
  }
  ledger.exec('BEGIN')
  for (let row = 0; row < rows; row++) addOperator(ledger, `op_${row}`)
  ledger.exec('COMMIT')
  return ledger
}

function addOperator(ledger: DatabaseSync, id: string): void {
  ledger.prepare(`INSERT INTO operators VALUES (?, 'a name', 'admin', ?, 'a hint', 1)`).run(id, `digest of ${id}`)
}

function operatorsIn(path: string): number {
  const ledger = new DatabaseSync(path, { readOnly: true })
  try {
    return Number(ledger.prepare('SELECT count(*) AS n FROM operators').get()?.['n'])
  } finally {
    ledger.close()
  }
}

const refusal = (exitCode: number, words: RegExp) => (error: unknown) =>
  error instanceof StoreRefusal && error.exitCode === exitCode && words.test(error.message)

test('a start that migrates keeps a checked copy of the ledger as it was', async (t) => {
  const path = join(folderOf(t), 'house.db')
  olderLedger(path).close()
  const store = await openSqlite(path)
  const [row] = await store.read('SELECT max(number) AS at FROM schema_migrations')
  await store.close()
  assert.equal(row?.['at'], newest)
  const copy = `${path}.before-${String(newest).padStart(4, '0')}`
  assert.equal(checkLedger(copy), older)
  assert.equal(operatorsIn(copy), 3)
  assert.equal(statSync(copy).mode & 0o777, 0o600)
})

test('a start without a migration, and the first of all, make no copy', async (t) => {
  const folder = folderOf(t)
  for (const _ of ['first', 'second']) await (await openSqlite(join(folder, 'house.db'))).close()
  assert.deepEqual(readdirSync(folder).sort(), ['house.db', 'house.db.lock'])
})

test('a migration that is tried again finds its copy, and a copy of another state is never replaced', (t) => {
  const folder = folderOf(t)
  const path = join(folder, 'house.db')
  const ledger = olderLedger(path)
  const first = copyBeforeMigration(ledger, path, newest)
  assert.equal(copyBeforeMigration(ledger, path, newest), first)
  const before = readFileSync(first)
  addOperator(ledger, 'op_later')
  const second = copyBeforeMigration(ledger, path, newest)
  ledger.close()
  assert.notEqual(second, first)
  assert.ok(readFileSync(first).equals(before))
  assert.deepEqual([operatorsIn(first), operatorsIn(second)], [3, 4])
  assert.equal(readdirSync(folder).filter((name) => name.includes('.before-')).length, 2)
})

test('a copy has all that is committed and nothing of what is being written', (t) => {
  const path = join(folderOf(t), 'house.db')
  const writer = olderLedger(path)
  const reader = new DatabaseSync(path, { readOnly: true })
  writer.exec('BEGIN IMMEDIATE')
  addOperator(writer, 'op_unsettled')
  const draft = draftCopy(reader, `${path}.copy`, path)
  writer.exec('COMMIT')
  publish(draft, `${path}.copy`)
  assert.deepEqual([operatorsIn(`${path}.copy`), operatorsIn(path)], [3, 4])
  reader.close()
  writer.close()
})

test('a draft never takes the place of a file', (t) => {
  const path = join(folderOf(t), 'house.db')
  const ledger = olderLedger(path)
  const draft = draftCopy(ledger, `${path}.copy`, path)
  publish(draft, `${path}.copy`)
  const again = draftCopy(ledger, `${path}.copy`, path)
  assert.throws(() => publish(again, `${path}.copy`), { code: 'EEXIST' })
  ledger.close()
})

test('a damaged ledger gives no copy and leaves no draft behind', (t) => {
  const folder = folderOf(t)
  const path = join(folder, 'house.db')
  olderLedger(path, 2000).close()
  const handle = openSync(path, 'r+')
  for (let page = 30; page * 4096 < statSync(path).size; page++)
    writeSync(handle, Buffer.alloc(4096, 0xa5), 0, 4096, page * 4096)
  const ledger = new DatabaseSync(path, { readOnly: true })
  assert.throws(() => draftCopy(ledger, `${path}.copy`, path))
  ledger.close()
  assert.equal(existsSync(`${path}.copy`), false)
  assert.equal(
    readdirSync(folder).some((name) => name.endsWith('.draft')),
    false,
  )
})

test('a ledger of a newer version, a foreign database and no database at all are told apart', (t) => {
  const folder = folderOf(t)
  const path = join(folder, 'house.db')
  const ledger = olderLedger(path)
  ledger.prepare('INSERT INTO schema_migrations VALUES (?, ?, 1)').run(newest + 7, 'of tomorrow')
  ledger.close()
  assert.throws(() => checkLedger(path), refusal(78, /newer Tollgate/))
  const foreign = new DatabaseSync(join(folder, 'foreign.db'))
  foreign.exec('CREATE TABLE notes (text TEXT)')
  foreign.close()
  assert.throws(() => checkLedger(join(folder, 'foreign.db')), refusal(65, /no ledger/))
  truncateSync(path, 5000)
  assert.throws(() => checkLedger(path), refusal(65, /damaged/))
  assert.throws(() => checkLedger(join(folder, 'nowhere.db')), refusal(78, /no ledger at/))
})

test('a ledger cut to nothing is not begun anew', async (t) => {
  const path = join(folderOf(t), 'house.db')
  await (await openSqlite(path)).close()
  truncateSync(path, 0)
  await assert.rejects(openSqlite(path), refusal(78, /was here before and is gone/))
  assert.equal(statSync(path).size, 0)
})
