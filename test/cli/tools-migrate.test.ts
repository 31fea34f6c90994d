import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { migrationsFor } from '../../src/store/migrate.ts'
import { sharedPostgres } from '../support/postgres.ts'
import { openToolPlace } from './tools-place.ts'

const postgres = sharedPostgres()

const migrations = migrationsFor('sqlite')
const last = migrations.at(-1)
const lastName = `${String(last?.number).padStart(4, '0')}-${last?.name}`

/** A ledger as the version before this one left it. */
function olderLedger(path: string): void {
  const ledger = new DatabaseSync(path, { defensive: false })
  ledger.exec(
    'CREATE TABLE schema_migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL) STRICT',
  )
  for (const { number, name, sql } of migrations.slice(0, -1)) {
    ledger.exec(sql)
    ledger.prepare('INSERT INTO schema_migrations VALUES (?, ?, 1)').run(number, name)
  }
  ledger.exec(`INSERT INTO operators VALUES ('op_1', 'a name', 'admin', 'a digest', 'a hint', 1)`)
  ledger.close()
}

test('an older ledger is brought up to date after a copy, and both are told; a second time there is nothing to do', async (t) => {
  const place = openToolPlace(t)
  olderLedger(place.database)
  const refused = await place.tool(['books'])
  assert.equal(refused.code, 78)
  assert.match(refused.stderr, /run tollgate migrate first/)
  const first = await place.tool(['migrate', '--json'])
  assert.deepEqual([first.code, first.stderr], [0, ''])
  const copy = `${place.database}.before-${String(last?.number).padStart(4, '0')}`
  assert.deepEqual(first.json(), { schema: last?.number, applied: [lastName], copy })
  const file = new DatabaseSync(copy, { readOnly: true })
  assert.equal(file.prepare('SELECT count(*) AS n FROM operators').get()?.['n'], 1)
  file.close()
  const second = await place.tool(['migrate'])
  assert.equal(second.code, 0)
  assert.match(second.stdout, /nothing to do/)
  assert.equal(place.names().filter((name) => name.includes('.before-')).length, 1)
})

test('the copy before a migration restores', async (t) => {
  const place = openToolPlace(t)
  olderLedger(place.database)
  const { copy } = (await place.tool(['migrate', '--json'])).json()
  assert.equal((await place.tool(['restore', String(copy)])).code, 0)
  assert.equal(place.rows('SELECT max(number) AS n FROM schema_migrations')[0]?.['n'], migrations.at(-2)?.number)
})

test('a ledger that is served, newer or damaged is not migrated', async (t) => {
  const place = openToolPlace(t)
  const house = await place.start()
  const served = await place.tool(['migrate'])
  assert.equal(served.code, 75)
  house.kill('SIGTERM')
  await house.ended
  place.tamper(`INSERT INTO schema_migrations VALUES (9999, 'of tomorrow', 1)`)
  const newer = await place.tool(['migrate'])
  assert.equal(newer.code, 78)
  assert.match(newer.stderr, /newer Tollgate \(schema 9999\)/)
})

test('a PostgreSQL database is migrated once, and what keeps it from that is a sentence', async (t) => {
  const place = openToolPlace(t)
  const server = await postgres()
  const DATABASE_URL = await server.database()
  const first = await place.tool(['migrate', '--json'], { DATABASE_URL })
  assert.equal(first.code, 0)
  const { schema, applied } = first.json() as { schema: number; applied: string[] }
  assert.equal(schema, migrationsFor('postgres').at(-1)?.number)
  assert.equal(applied.length, migrationsFor('postgres').length)
  const second = await place.tool(['migrate', '--json'], { DATABASE_URL })
  assert.deepEqual(second.json(), { schema, applied: [], copy: null })
  const password = await place.tool(['migrate'], { DATABASE_URL: DATABASE_URL.replace(':password@', ':canary@') })
  assert.equal(password.code, 78)
  assert.match(password.stderr, /refuses this user and password/)
  const name = await place.tool(['migrate'], { DATABASE_URL: `${DATABASE_URL}_not` })
  assert.equal(name.code, 78)
  assert.match(name.stderr, /no database of this name/)
  for (const { stderr } of [password, name]) assert.doesNotMatch(stderr, /canary|password@/)
})

test('a database server that does not answer is not waited for without end', async (t) => {
  const place = openToolPlace(t)
  const closed = createServer().listen(0, '127.0.0.1')
  await once(closed, 'listening')
  const { port } = closed.address() as AddressInfo
  closed.close()
  const done = await place.tool(['migrate'], { DATABASE_URL: `postgres://u:canary@127.0.0.1:${port}/x` })
  assert.equal(done.code, 1)
  assert.match(done.stderr, /DATABASE_URL: the database server does not answer \(ECONNREFUSED\)/)
  assert.doesNotMatch(done.stderr, /canary/)
})
