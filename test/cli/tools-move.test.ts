import assert from 'node:assert/strict'
import { existsSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { behind } from '../support/house.ts'
import { sharedPostgres } from '../support/postgres.ts'
import { opened } from '../support/stand-in-client.ts'
import { digestOf, openToolPlace } from './tools-place.ts'

const postgres = sharedPostgres()

test('a ledger with paid calls and kept answers moves whole, and goes on where it was', async (t) => {
  const standIn = await opened(t)
  const place = openToolPlace(t)
  const { accountId, secret } = await place.furnish(100.000001)
  const house = await place.start(behind(standIn))
  const once = { headers: { 'idempotency-key': 'once' } }
  const first = await house.client.call(secret, { prompt: 'a lighthouse' }, once)
  const lost = await house.client.call(secret, { prompt: 'a boat' }, { headers: { 'idempotency-key': 'lost' } })
  standIn.mode('server-error')
  assert.equal((await house.client.call(secret, { prompt: 'a failure' })).status, 500)
  standIn.mode('ok')
  const before = await house.books()
  house.kill('SIGTERM')
  assert.equal((await house.ended).code, 0)
  rmSync(join(`${place.database}-replays`, String(lost.headers['x-request-id'])))

  const server = await postgres()
  const DATABASE_URL = await server.database()
  const done = await place.move(DATABASE_URL, ['--json'])
  assert.deepEqual([done.code, done.stderr], [0, ''])
  const { rows, bodies, kept, books } = done.json() as {
    rows: Record<string, number>
    bodies: number
    kept: string
    books: Record<string, unknown>
  }
  // Only a house knows its tokens, and with them what is left at the upstream.
  assert.deepEqual({ ...before, ...books }, before)
  assert.deepEqual([books['balanced'], books['posted']], [true, '94.000001'])
  assert.deepEqual([rows['accounts'], rows['calls'], rows['entries'], rows['replays'], bodies], [1, 3, 3, 2, 1])

  const moved = await place.start({ ...behind(standIn), DATABASE_URL })
  assert.deepEqual(await moved.books(), before)
  const again = await moved.client.call(secret, { prompt: 'a lighthouse' }, once)
  assert.deepEqual([again.status, again.headers['idempotent-replayed']], [200, 'true'])
  assert.ok(again.body.equals(first.body))
  const gone = await moved.client.call(secret, { prompt: 'a boat' }, { headers: { 'idempotency-key': 'lost' } })
  assert.equal(gone.status, 410)
  const next = await moved.client.call(secret, { prompt: 'a fourth' })
  assert.equal(next.headers['x-credits-available'], '91.000001')
  const numbers = await server.query(
    DATABASE_URL,
    `SELECT number FROM entries WHERE account_id = '${accountId}' ORDER BY number`,
  )
  assert.deepEqual(
    numbers.map(({ number }) => Number(number)),
    [1, 2, 3, 4],
  )

  assert.ok(existsSync(kept))
  assert.equal((await place.begin({}).ended).code, 78)
  assert.equal(existsSync(place.database), false)
})

test('more rows than one batch arrive in order and are proved', async (t) => {
  const place = openToolPlace(t)
  await place.furnish(5)
  const names = ['plain', "it''s", 'ünïcode 漢字 🗼', 'a "quote", {brace} and \\slash', 'line\nbreak', '']
  place.tamper(
    `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1300)
     INSERT INTO operators SELECT 'op_' || printf('%04d', i), 'name ' || i, 'viewer', 'digest ' || i, 'hint', i FROM n`,
    ...names.map((name, index) => `UPDATE operators SET name = '${name}' WHERE created_at = ${index + 1}`),
  )
  const server = await postgres()
  const DATABASE_URL = await server.database()
  const done = await place.move(DATABASE_URL)
  assert.equal(done.code, 0)
  assert.match(done.stdout, /operators: 1300 rows, read back and the same/)
  assert.match(done.stdout, /Next: set DATABASE_URL/)
  const rows = await server.query(DATABASE_URL, 'SELECT name FROM operators WHERE created_at <= 6 ORDER BY created_at')
  assert.deepEqual(
    rows.map(({ name }) => name),
    names.map((name) => name.replace("''", "'")),
  )
})

test('what may not move is refused with a sentence, and both sides are as before', async (t) => {
  const place = openToolPlace(t)
  await place.furnish(7)
  const server = await postgres()
  const target = await server.database()
  const before = digestOf(place.database)
  const refused = async (url: string, code: number, words: RegExp) => {
    const done = await place.move(url)
    assert.deepEqual([done.code, done.stdout], [code, ''])
    assert.match(done.stderr, words)
    assert.doesNotMatch(done.stderr, /canary|:password@/)
    assert.ok(statSync(place.database).size > 0)
  }
  const open = await place.tool(['move-to', target.replace(':password@', ':canary@')])
  assert.deepEqual([open.code, open.stdout], [78, ''])
  assert.match(open.stderr, /^warning: the address has a password in it, .* PGPASSWORD/)
  assert.doesNotMatch(open.stderr, /canary/)
  await refused('sqlite:canary.db', 2, /must be an address such as postgres:/)
  await refused(target.replace(':password@', ':canary@'), 78, /refuses this user and password/)
  const used = await server.database()
  assert.equal((await place.tool(['migrate'], { DATABASE_URL: used })).code, 0)
  await server.query(used, `INSERT INTO operators VALUES ('op_1', 'a name', 'admin', 'a digest', 'a hint', 1)`)
  await refused(used, 1, /not empty \(operators has rows\)/)
  assert.equal(digestOf(place.database), before)
  const house = await place.start()
  await refused(target, 75, /another Tollgate already serves/)
  house.kill('SIGTERM')
  await house.ended
  place.tamper('UPDATE accounts SET posted = posted + 1')
  await refused(target, 1, /do not balance/)
  const nothing = await place.move(target, [], { DATABASE_URL: 'sqlite:nowhere.db' })
  assert.equal(nothing.code, 78)
  assert.match(nothing.stderr, /There is no ledger at/)
  assert.deepEqual(await server.query(target, "SELECT 1 AS one FROM pg_class WHERE relname = 'accounts'"), [])
})

test('a move that fails midway leaves the target empty and the ledger in service', async (t) => {
  const place = openToolPlace(t)
  await place.furnish(7)
  const spoil = new DatabaseSync(place.database)
  // The last tables come after accounts and entries, and PostgreSQL keeps no text with this character.
  spoil.exec(`INSERT INTO operators VALUES ('op_1', 'a name' || char(0), 'admin', 'a digest', 'a hint', 1)`)
  spoil.close()
  const server = await postgres()
  const target = await server.database()
  const done = await place.move(target)
  assert.equal(done.code, 1)
  assert.match(done.stderr, /a character that PostgreSQL cannot keep .* Nothing was moved/)
  for (const table of ['accounts', 'keys', 'entries', 'operators']) {
    assert.deepEqual(await server.query(target, `SELECT 1 AS one FROM ${table}`), [])
  }
  const house = await place.start()
  assert.equal((await house.books())['posted'], '7')
})

test('a ledger that holds credits for calls of a dead server is recovered before it moves', async (t) => {
  const standIn = await opened(t)
  standIn.holdAnswers()
  const place = openToolPlace(t)
  const { secret } = await place.furnish(7)
  const house = await place.start(behind(standIn))
  const call = house.client.call(secret, { prompt: 'a lighthouse' }).catch(() => undefined)
  await standIn.waitFor(1)
  house.kill('SIGKILL')
  await Promise.all([house.ended, call])
  const target = await (await postgres()).database()
  const early = await place.move(target)
  assert.equal(early.code, 1)
  assert.match(early.stderr, /1 calls of a server that died still hold credits/)
  const again = await place.start(behind(standIn))
  again.kill('SIGTERM')
  await again.ended
  assert.equal((await place.move(target)).code, 0)
})
