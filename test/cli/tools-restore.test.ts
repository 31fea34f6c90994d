import assert from 'node:assert/strict'
import {
  copyFileSync,
  existsSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { behind } from '../support/house.ts'
import { opened } from '../support/stand-in-client.ts'
import { digestOf, openToolPlace } from './tools-place.ts'

function changed(path: string, ...sql: string[]): void {
  const file = new DatabaseSync(path)
  for (const each of sql) file.exec(each)
  file.close()
}

/** Overwrites pages in the middle of a file. */
function scratched(path: string): void {
  const handle = openSync(path, 'r+')
  const pages = statSync(path).size / 4096
  for (let page = 3; page < pages; page += 2) writeSync(handle, Buffer.alloc(4096, 0xa5), 0, 4096, page * 4096)
}

type Spoil = {
  readonly how: string
  readonly code: number
  readonly words: RegExp
  readonly spoil: (path: string) => void
}

const spoiled: readonly Spoil[] = [
  { how: 'cut in half', code: 65, words: /damaged/, spoil: (path) => truncateSync(path, 8192 * 5) },
  { how: 'cut to nothing', code: 65, words: /no ledger of Tollgate/, spoil: (path) => truncateSync(path, 0) },
  { how: 'overwritten in places', code: 65, words: /damaged/, spoil: scratched },
  {
    how: 'of something else',
    code: 65,
    words: /no SQLite database/,
    spoil: (path) => writeFileSync(path, 'x'.repeat(9000)),
  },
  {
    how: 'of a newer version',
    code: 78,
    words: /newer Tollgate \(schema 9999\)/,
    spoil: (path) => changed(path, `INSERT INTO schema_migrations VALUES (9999, 'of tomorrow', 1)`),
  },
  {
    how: 'with a balance changed by a millionth',
    code: 65,
    words: /posted is not the sum of the entries \(1\)/,
    spoil: (path) => changed(path, 'UPDATE accounts SET posted = posted + 1'),
  },
  {
    how: 'with an entry taken out',
    code: 65,
    words: /do not balance/,
    spoil: (path) => changed(path, 'DROP TRIGGER entries_never_go', 'DELETE FROM entries'),
  },
]

test('a backup that is damaged, tampered with or newer is refused, and the ledger is untouched', async (t) => {
  const place = openToolPlace(t)
  await place.furnish(7)
  const good = join(place.folder, 'good.backup')
  assert.equal((await place.tool(['backup', good])).code, 0)
  const before = digestOf(place.database)
  for (const { how, code, words, spoil } of spoiled) {
    await t.test(`a backup ${how}`, async () => {
      const bad = join(place.folder, 'bad.backup')
      copyFileSync(good, bad)
      spoil(bad)
      const done = await place.tool(['restore', bad])
      assert.equal(done.code, code)
      assert.match(done.stderr, words)
      assert.match(done.stderr, /bad\.backup/)
      assert.equal(digestOf(place.database), before)
      assert.ok(!place.names().some((name) => /draft|replaced/.test(name)))
    })
  }
})

test('nothing is restored under a running server', async (t) => {
  const place = openToolPlace(t)
  await place.furnish(7)
  const backup = join(place.folder, 'a.backup')
  assert.equal((await place.tool(['backup', backup])).code, 0)
  const house = await place.start()
  const done = await place.tool(['restore', backup])
  assert.equal(done.code, 75)
  assert.match(done.stderr, /another Tollgate already serves/)
  assert.equal((await house.books())['posted'], '7')
})

test('the replaced ledger is kept whole, with the commits that were only in its log', async (t) => {
  const standIn = await opened(t)
  const place = openToolPlace(t)
  const { secret } = await place.furnish(100)
  const backup = join(place.folder, 'a.backup')
  assert.equal((await place.tool(['backup', backup])).code, 0)
  const house = await place.start(behind(standIn))
  for (const prompt of ['one', 'two']) assert.equal((await house.client.call(secret, { prompt })).status, 200)
  house.kill('SIGKILL')
  await house.ended
  assert.ok(statSync(`${place.database}-wal`).size > 0)
  const done = await place.tool(['restore', backup, '--json'])
  assert.equal(done.code, 0)
  const kept = String(done.json()['kept'])
  assert.ok(readdirSync(place.folder).includes(basename(kept)))
  const charges = `SELECT count(*) AS n FROM entries WHERE kind = 'charge'`
  const old = new DatabaseSync(kept)
  assert.equal(old.prepare(charges).get()?.['n'], 2)
  old.close()
  assert.equal(place.rows(charges)[0]?.['n'], 0)
  assert.equal(statSync(place.database).mode & 0o777, 0o600)
  const again = await place.start(behind(standIn))
  assert.equal((await again.books())['posted'], '100')
  assert.equal((await again.client.call(secret, { prompt: 'three' })).headers['x-credits-available'], '97')
})

test('a ledger that is gone is not begun anew but restored, and remembered from then on', async (t) => {
  const place = openToolPlace(t)
  await place.furnish(7)
  const backup = join(place.folder, 'a.backup')
  assert.equal((await place.tool(['backup', backup])).code, 0)
  const lose = () => {
    for (const ending of ['', '-wal', '-shm']) rmSync(place.database + ending, { force: true })
  }
  lose()
  const refused = await place.begin({}).ended
  assert.equal(refused.code, 78)
  assert.equal(existsSync(place.database), false)
  assert.equal((await place.tool(['restore', backup])).code, 0)
  const house = await place.start()
  assert.equal((await house.books())['posted'], '7')
  house.kill('SIGTERM')
  await house.ended
  lose()
  rmSync(`${place.database}.lock`)
  assert.equal((await place.tool(['restore', backup])).code, 0)
  lose()
  assert.equal((await place.begin({}).ended).code, 78)
})

test('where nothing can be restored a sentence says why', async (t) => {
  const place = openToolPlace(t)
  const missing = await place.tool(['restore', join(place.folder, 'nowhere.backup')])
  assert.equal(missing.code, 1)
  assert.match(missing.stderr, /There is no backup .*nowhere\.backup/)
  assert.equal(existsSync(place.database), false)
  const server = await place.tool(['restore', 'x'], { DATABASE_URL: 'postgres://u:canary@127.0.0.1/x' })
  assert.equal(server.code, 1)
  assert.match(server.stderr, /pg_restore/)
  await place.furnish(1)
  const itself = await place.tool(['restore', place.database])
  assert.equal(itself.code, 1)
  assert.match(itself.stderr, /is the ledger itself/)
})
