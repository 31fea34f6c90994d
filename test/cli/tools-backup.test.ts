import assert from 'node:assert/strict'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { behind } from '../support/house.ts'
import { opened } from '../support/stand-in-client.ts'
import { openToolPlace } from './tools-place.ts'

const granted = 1_000_000

function rowsOf(path: string, sql: string): string[] {
  const file = new DatabaseSync(path, { readOnly: true })
  try {
    return file
      .prepare(sql)
      .all()
      .map((row) => JSON.stringify(row))
  } finally {
    file.close()
  }
}

const entries =
  'SELECT account_id, number, id, kind, credits, posted_after, call_id FROM entries ORDER BY account_id, number'
const settled = `SELECT id, credits FROM calls WHERE state = 'settled' ORDER BY id`

test('backups taken while calls are being paid restore to books that balance to the millionth', async (t) => {
  const standIn = await opened(t)
  const place = openToolPlace(t)
  const { secret } = await place.furnish(granted)
  const house = await place.start(behind(standIn))
  let busy = true
  let paid = 0
  const callers = Array.from({ length: 3 }, async () => {
    while (busy) {
      const reply = await house.client.call(secret, { prompt: 'a lighthouse' })
      assert.equal(reply.status, 200)
      paid++
    }
  })
  const files = ['one', 'two', 'three'].map((name) => join(place.folder, `${name}.backup`))
  for (const file of files) {
    const done = await place.tool(['backup', file, '--json'])
    assert.deepEqual([done.code, done.stderr], [0, ''])
    const { bytes, books } = done.json() as { bytes: number; books: Record<string, unknown> }
    assert.equal(bytes, statSync(file).size)
    assert.equal(books['balanced'], true)
    assert.equal(statSync(file).mode & 0o777, 0o600)
  }
  busy = false
  await Promise.all(callers)
  assert.equal((await house.books())['balanced'], true)
  house.kill('SIGTERM')
  assert.equal((await house.ended).code, 0)
  assert.ok(paid > 10, `${paid} calls`)
  const [all, charges] = [rowsOf(place.database, entries), rowsOf(place.database, settled)]
  for (const file of files) {
    const other = openToolPlace(t)
    assert.equal((await other.tool(['restore', file])).code, 0)
    const kept = rowsOf(other.database, entries)
    assert.ok(kept.length > 0 && kept.length <= all.length)
    assert.deepEqual(kept, all.slice(0, kept.length))
    const ended = rowsOf(other.database, settled)
    assert.deepEqual(
      ended,
      charges.filter((row) => ended.includes(row)),
    )
    // A restored ledger may hold credits for calls that were in flight; the next start gives them back.
    const again = await other.start(behind(standIn))
    const { balanced, open_holds: open, held } = await again.books()
    assert.deepEqual({ balanced, open, held }, { balanced: true, open: 0, held: '0' })
    again.kill('SIGTERM')
    assert.equal((await again.ended).code, 0)
  }
})

test('a backup says what is in it and what is not, and leaves nothing but its file', async (t) => {
  const place = openToolPlace(t)
  await place.furnish(12.5)
  const file = join(place.folder, 'a.backup')
  const done = await place.tool(['backup', file])
  assert.equal(done.code, 0)
  assert.match(done.stdout, /1 accounts, 12\.5 credits posted, 0 held by 0 calls/)
  assert.match(done.stdout, /house\.db-replays\) .* not part of it/)
  assert.deepEqual(
    place.names().filter((name) => !name.startsWith('house.db')),
    ['a.backup'],
  )
})

test('a file that is there already is never overwritten', async (t) => {
  const place = openToolPlace(t)
  await place.furnish(1)
  const file = join(place.folder, 'precious')
  writeFileSync(file, 'something else')
  const done = await place.tool(['backup', file])
  assert.deepEqual([done.code, done.stdout], [1, ''])
  assert.match(done.stderr, /precious exists already/)
  assert.equal(readFileSync(file, 'utf8'), 'something else')
})

test('a ledger whose books do not balance gives no backup, and the reason is told', async (t) => {
  const place = openToolPlace(t)
  const { accountId } = await place.furnish(5)
  place.tamper('UPDATE accounts SET posted = posted + 1')
  const file = join(place.folder, 'a.backup')
  const done = await place.tool(['backup', file])
  assert.equal(done.code, 1)
  assert.match(done.stderr, new RegExp(`${accountId}: posted is not the sum of the entries \\(1\\)`))
  assert.equal(existsSync(file), false)
  assert.ok(!place.names().some((name) => name.includes('draft')))
})

test('where no backup can be made a sentence says why', async (t) => {
  const place = openToolPlace(t)
  const file = join(place.folder, 'a.backup')
  const missing = await place.tool(['backup', file])
  assert.deepEqual([missing.code, missing.stdout], [78, ''])
  assert.match(missing.stderr, /There is no ledger at .*house\.db/)
  assert.deepEqual(place.names(), [])
  const server = await place.tool(['backup', file], { DATABASE_URL: 'postgres://u:canary@127.0.0.1/x' })
  assert.equal(server.code, 1)
  assert.match(server.stderr, /pg_dump/)
  const wrong = await place.tool(['backup', file], { DATABASE_URL: 'mysql://canary@host/x' })
  assert.equal(wrong.code, 78)
  assert.match(wrong.stderr, /^DATABASE_URL: must be sqlite:/)
  for (const { stderr } of [server, wrong]) assert.doesNotMatch(stderr, /canary/)
  assert.equal((await place.tool(['backup'])).code, 2)
  await place.furnish(1)
  const nowhere = await place.tool(['backup', join(place.folder, 'no/such/folder/a.backup')])
  assert.equal(nowhere.code, 1)
  assert.match(nowhere.stderr, /folder that does not exist/)
})
