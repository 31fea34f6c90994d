import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { Client } from 'pg'
import { Problem, StoreUnavailable, type Trouble } from '../../src/errors.ts'
import { books } from '../../src/ledger/statement.ts'
import { openPostgres } from '../../src/store/postgres.ts'
import { alone, failed, openBooks, succeeded, type TestBooks } from '../support/books.ts'
import { openCuttingProxy } from '../support/cutting-proxy.ts'
import { pooled, withPgBouncer } from '../support/pgbouncer.ts'
import { sharedPostgres } from '../support/postgres.ts'

const server = sharedPostgres()

async function opened(t: TestContext, url: string): Promise<TestBooks> {
  return openBooks(t, async () => {
    const store = await openPostgres(url)
    t.after(() => store.close())
    return { database: { kind: 'postgres', url }, store, again: async () => store }
  })
}

const inTrouble = (...troubles: Trouble[]) => {
  return (error: unknown) => error instanceof StoreUnavailable && troubles.includes(error.trouble)
}

const nameOf = (url: string) => new URL(url).pathname.slice(1)
const endAll = (name: string) =>
  `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}' AND pid <> pg_backend_pid()`

/** A call in flight is done once the way is whole again, however often it must be asked. */
async function patiently<Answer>(verb: () => Promise<Answer>): Promise<Answer> {
  for (let tries = 400; ; tries--) {
    try {
      return await verb()
    } catch (error) {
      if (tries === 0 || !(error instanceof StoreUnavailable)) throw error
      await new Promise((wake) => setTimeout(wake, 25))
    }
  }
}

withPgBouncer('a ledger behind a pooler in transaction mode', () => {
  test('behind a pooler that changes the session with each transaction every verb does what it should', async (t) => {
    const url = await pooled(t, await (await server()).database())
    const { ledger, account, key, request, balanceOf, balanced } = await opened(t, url)
    const accountId = await account(300)
    const keyId = await key(accountId)
    const calls = Array.from({ length: 120 }, async (_, index) => {
      try {
        const hold = await ledger.hold(request(accountId, keyId), index % 5 === 0 ? alone : [])
        if (index % 3 === 0) await ledger.release(hold, failed)
        else await ledger.settle(hold, succeeded(3))
        return index % 3 === 0 ? 0 : 1
      } catch (error) {
        assert.ok(error instanceof Problem && error.code === 'insufficient_credits', String(error))
        return 0
      }
    })
    const settled = (await Promise.all(calls)).reduce((sum: number, each) => sum + each, 0)
    assert.ok(settled > 0)
    assert.equal((await balanceOf(accountId)).available, (300 - 3 * settled) * 1e6)
    await balanced()
  })
})

test('a network that swallows everything fails calls in time, costs no credit, and is outlived', async (t) => {
  const way = await openCuttingProxy(t, await (await server()).database())
  const { ledger, account, key, request, balanced } = await opened(t, way.url)
  const accountId = await account(1000)
  const keyId = await key(accountId)
  const open = await ledger.hold(request(accountId, keyId))
  way.swallow()
  const startedMs = performance.now()
  const stuck = Array.from({ length: 20 }, () =>
    assert.rejects(ledger.hold(request(accountId, keyId)), inTrouble('gone', 'busy')),
  )
  const settling = ledger.settle(open, succeeded(3)).then(
    () => 'settled',
    (error: unknown) => error,
  )
  await Promise.all(stuck)
  const outcome = await settling
  // Every try has an end of its own; a hung one would fail by the time-out of the suite.
  assert.ok(performance.now() - startedMs < 60_000)
  assert.ok(inTrouble('gone', 'busy')(outcome), String(outcome))
  way.heal()
  await patiently(() => ledger.settle(open, succeeded(3)))
  await ledger.settle(await patiently(() => ledger.hold(request(accountId, keyId))), succeeded(3))
  await ledger.tidy()
  await ledger.recover('test')
  await balanced()
})

test('when every connection for holds is stuck, holds are refused and a settle still gets through', async (t) => {
  const url = await (await server()).database()
  const { ledger, account, key, request, balanced } = await opened(t, url)
  const accountId = await account(1000)
  const keyId = await key(accountId)
  const open = await ledger.hold(request(accountId, keyId))
  const outsider = new Client({ connectionString: url })
  await outsider.connect()
  t.after(() => outsider.end())
  // Holds look at keys, and ends of calls do not.
  await outsider.query('BEGIN; LOCK TABLE keys IN ACCESS EXCLUSIVE MODE')
  const holds = Array.from({ length: 300 }, (_, index) =>
    assert.rejects(ledger.hold(request(accountId, keyId), index % 3 === 0 ? alone : []), inTrouble('busy')),
  )
  await ledger.settle(open, succeeded(3))
  await Promise.all(holds)
  await outsider.query('ROLLBACK')
  await ledger.settle(await ledger.hold(request(accountId, keyId)), succeeded(3))
  await balanced()
})

test('a server without room for connections is busy, and used again once it has', async (t) => {
  const { database, query } = await server()
  const url = await database()
  const name = nameOf(url)
  await query(url, `DROP ROLE IF EXISTS visitor; CREATE ROLE visitor LOGIN PASSWORD 'password'`)
  await query(url, `GRANT ALL ON DATABASE ${name} TO visitor; GRANT ALL ON SCHEMA public TO visitor`)
  const visitor = new URL(url)
  visitor.username = 'visitor'
  const { ledger, account, key, request, balanced } = await opened(t, visitor.href)
  const accountId = await account(10)
  const keyId = await key(accountId)
  await query(url, `ALTER DATABASE ${name} CONNECTION LIMIT 0`)
  await query(url, endAll(name))
  await assert.rejects(ledger.hold(request(accountId, keyId)), inTrouble('gone', 'busy'))
  await query(url, `ALTER DATABASE ${name} CONNECTION LIMIT -1`)
  await ledger.settle(await patiently(() => ledger.hold(request(accountId, keyId))), succeeded(3))
  await ledger.tidy()
  await balanced()
})

test('a server whose disk is full is said to be full, and nothing is written by halves', async (t) => {
  const { database, query } = await server()
  const url = await database()
  const { ledger, account, key, request, balanceOf, balanced } = await opened(t, url)
  const accountId = await account(10)
  const keyId = await key(accountId)
  // As the server says it where an insert finds no room.
  await query(
    url,
    `CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$;
    CREATE TRIGGER full_disk BEFORE INSERT ON calls FOR EACH ROW EXECUTE FUNCTION full_disk()`,
  )
  for (const alongside of [[], alone]) {
    await assert.rejects(ledger.hold(request(accountId, keyId), alongside), inTrouble('full'))
  }
  assert.equal((await balanceOf(accountId)).held, 0)
  await query(url, 'DROP TRIGGER full_disk ON calls')
  await ledger.settle(await ledger.hold(request(accountId, keyId)), succeeded(3))
  await balanced()
})

test('after a failover to a standby that missed the last moments the books balance, and what was lost shows', async (t) => {
  const { database, query } = await server()
  const url = await database()
  const { store, ledger, account, key, request, balanceOf, balanced } = await opened(t, url)
  const accountId = await account(30)
  const keyId = await key(accountId)
  await ledger.settle(await ledger.hold(request(accountId, keyId)), succeeded(3))
  const [name, standby] = [nameOf(url), `${nameOf(url)}_standby`]
  const other = (await database()).replace(/\/[^/]+$/, '/postgres')
  await query(other, endAll(name))
  await query(other, `CREATE DATABASE ${standby} TEMPLATE ${name}`)
  // These moments never reach the standby.
  const lost = await patiently(() => ledger.hold(request(accountId, keyId)))
  await ledger.settle(lost, succeeded(3))
  const open = await ledger.hold(request(accountId, keyId))
  assert.equal((await balanceOf(accountId)).posted, 24e6)
  await query(other, endAll(name))
  await query(other, `ALTER DATABASE ${name} RENAME TO ${name}_lost`)
  await query(other, `ALTER DATABASE ${standby} RENAME TO ${name}`)
  // The call in flight finds its hold gone, so nothing of it is delivered.
  await assert.rejects(
    patiently(() => ledger.settle(open, succeeded(3))),
    (error) => error instanceof Problem && error.code === 'hold_expired',
  )
  assert.equal((await balanceOf(accountId)).posted, 27e6)
  assert.deepEqual(await store.read('SELECT id FROM calls WHERE id = $1', [lost.id]), [])
  assert.equal((await books(store)).imbalance, 0n)
  await ledger.settle(await ledger.hold(request(accountId, keyId)), succeeded(3))
  await balanced()
})
