import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { Client } from 'pg'
import { StoreUnavailable, type Trouble } from '../../src/errors.ts'
import { openLedger } from '../../src/ledger/ledger.ts'
import { migrationsFor } from '../../src/store/migrate.ts'
import { openPostgres } from '../../src/store/postgres.ts'
import { StoreRefusal } from '../../src/store/store.ts'
import { alone, failed, openBooks, succeeded, type TestBooks } from '../support/books.ts'
import { openCuttingProxy } from '../support/cutting-proxy.ts'
import { sharedPostgres } from '../support/postgres.ts'

const server = sharedPostgres()

async function opened(t: TestContext, url: string): Promise<TestBooks> {
  return openBooks(t, async () => {
    const store = await openPostgres(url)
    t.after(() => store.close())
    return { database: { kind: 'postgres', url }, store, again: async () => store }
  })
}

async function refusalOf(work: Promise<unknown>): Promise<StoreRefusal> {
  const error = await work.then(
    () => 'it was opened',
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof StoreRefusal, String(error))
  return error
}

const inTrouble = (trouble: Trouble) => (error: unknown) =>
  error instanceof StoreUnavailable && error.trouble === trouble

/** An outsider's transaction that has changed an account and does not end. */
async function holdOn(t: TestContext, url: string, accountId: string): Promise<() => Promise<void>> {
  const client = new Client({ connectionString: url })
  client.on('error', () => undefined)
  await client.connect()
  t.after(() => client.end())
  await client.query('BEGIN')
  await client.query('UPDATE accounts SET name = name WHERE id = $1', [accountId])
  return async () => void (await client.query('ROLLBACK'))
}

const endAll = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid()`

test('a wrong password and an unknown database are refused without telling the password', async () => {
  const url = await (await server()).database()
  const wrong = await refusalOf(openPostgres(url.replace(':password@', ':s3cret@')))
  const unknown = await refusalOf(openPostgres(url.replace(/test_\d+$/, 'nowhere')))
  assert.match(wrong.message, /refuses this user and password/)
  assert.match(unknown.message, /no database of this name/)
  for (const { exitCode, message, cause } of [wrong, unknown]) {
    assert.equal(exitCode, 78)
    assert.doesNotMatch(`${message} ${cause}`, /s3cret/)
  }
})

test('a server that does not answer is waited for, and what it waits for is told', async (t) => {
  const { database, stop, start } = await server()
  const url = await database()
  await stop()
  const { promise: told, resolve: notice } = Promise.withResolvers<string>()
  const opening = openPostgres(url, { notice })
  assert.match(await told, /does not answer \(ECONNREFUSED\)/)
  await start()
  const store = await opening
  t.after(() => store.close())
  assert.deepEqual(
    (await store.read('SELECT 1 AS one')).map((row) => row['one']),
    [1],
  )
})

test('waiting for a server can be given up', async () => {
  const giveUp = new AbortController()
  const opening = openPostgres('postgres://a:b@127.0.0.1:1/c', { signal: giveUp.signal, notice: () => giveUp.abort() })
  await assert.rejects(opening, { name: 'AbortError' })
})

test('replicas that start together on an empty database make its schema once', async (t) => {
  const url = await (await server()).database()
  const stores = await Promise.all([1, 2, 3].map(() => openPostgres(url)))
  t.after(() => Promise.all(stores.map((store) => store.close())))
  const rows = (await stores[0]?.read('SELECT number FROM schema_migrations ORDER BY number')) ?? []
  assert.deepEqual(
    rows.map((row) => row['number']),
    migrationsFor('postgres').map(({ number }) => number),
  )
})

test('commits are waited for even where the server says they need not be', async (t) => {
  const { database, query } = await server()
  const url = await database()
  await query(url, `ALTER DATABASE ${new URL(url).pathname.slice(1)} SET synchronous_commit = off`)
  const told: string[] = []
  const store = await openPostgres(url, { notice: (sentence) => told.push(sentence) })
  t.after(() => store.close())
  assert.ok(told.some((sentence) => sentence.includes('synchronous_commit')))
  const done = await store.write([{ sql: `SELECT current_setting('synchronous_commit') AS now`, params: [] }])
  assert.equal(done.rows[0]?.[0]?.['now'], 'on')
})

test('a snapshot is given up when a statement takes longer than it may, and goes on as long as it is let', async (t) => {
  const { store } = await opened(t, await (await server()).database())
  const slow = { sql: `SELECT 'done' AS word FROM (SELECT pg_sleep(0.5)) AS slept`, params: [] }
  await assert.rejects(store.snapshot([slow], 100), inTrouble('busy'))
  assert.deepEqual(await store.snapshot([slow, slow], 20_000), [[{ word: 'done' }], [{ word: 'done' }]])
})

test('units that lock the same rows in opposite order are both written', async (t) => {
  const { store } = await opened(t, await (await server()).database())
  const make = (id: string) => ({ sql: 'INSERT INTO spends VALUES ($1, 0, 0, 0, 0)', params: [id] })
  await store.write([make('a'), make('b')])
  const add = (id: string) => ({ sql: 'UPDATE spends SET total_used = total_used + 1 WHERE id = $1', params: [id] })
  const pause = { sql: 'SELECT CAST(pg_sleep(0.2) AS TEXT)', params: [] }
  await Promise.all([store.write([add('a'), pause, add('b')]), store.write([add('b'), pause, add('a')])])
  const rows = await store.read('SELECT total_used FROM spends')
  assert.deepEqual(
    rows.map((row) => row['total_used']),
    [2, 2],
  )
})

test('calls that wake together share a transaction', async (t) => {
  const { ledger, store, account, key, request, balanced } = await opened(t, await (await server()).database())
  const accountId = await account(1000)
  const keyId = await key(accountId)
  const holds = await Promise.all(Array.from({ length: 60 }, () => ledger.hold(request(accountId, keyId))))
  const transactions = 'SELECT count(DISTINCT CAST(xmin AS TEXT)) AS count FROM calls'
  assert.ok(Number((await store.read(transactions))[0]?.['count']) <= 3)
  await Promise.all(holds.map((hold) => ledger.settle(hold, succeeded(3))))
  assert.ok(Number((await store.read(transactions))[0]?.['count']) <= 3)
  await balanced()
})

test('an account that somebody keeps locked fails its own calls and no others', async (t) => {
  const url = await (await server()).database()
  const { ledger, account, key, request, balanced } = await opened(t, url)
  const [stuck, free] = [await account(1000), await account(1000)]
  const [stuckKey, freeKey] = [await key(stuck), await key(free)]
  const open = await ledger.hold(request(free, freeKey))
  const letGo = await holdOn(t, url, stuck)
  const waiting = Array.from({ length: 60 }, async (_, index) => {
    const hold = ledger.hold(request(stuck, stuckKey), index % 15 === 0 ? alone : [])
    await assert.rejects(hold, inTrouble('busy'))
  })
  const others = Array.from({ length: 60 }, () => ledger.hold(request(free, freeKey)))
  await ledger.settle(open, succeeded(3))
  for (const hold of await Promise.all(others)) await ledger.settle(hold, succeeded(3))
  await Promise.all(waiting)
  await letGo()
  await ledger.release(await ledger.hold(request(stuck, stuckKey)), failed)
  await balanced()
})

test('one call at a time on an account that somebody keeps locked does not halt the others', async (t) => {
  const url = await (await server()).database()
  const { ledger, account, key, request, balanced } = await opened(t, url)
  const [stuck, free] = [await account(1000), await account(1000)]
  const [stuckKey, freeKey] = [await key(stuck), await key(free)]
  const letGo = await holdOn(t, url, stuck)
  let waiting = 3
  const stuckHolds: Promise<void>[] = []
  for (let count = 0; count < 3; count++) {
    const hold = assert.rejects(ledger.hold(request(stuck, stuckKey)), inTrouble('busy'))
    stuckHolds.push(hold.then(() => void waiting--))
    await ledger.settle(await ledger.hold(request(free, freeKey)), succeeded(3))
  }
  assert.ok(waiting > 0)
  await Promise.all(stuckHolds)
  await letGo()
  await balanced()
})

test('connections that are ended under load cost no credit, and the pool is whole again', async (t) => {
  const { database, query } = await server()
  const url = await database()
  const { ledger, store, account, key, request, balanced } = await opened(t, url)
  const accountId = await account(10_000)
  const keyId = await key(accountId)
  for (let round = 0; round < 3; round++) {
    const work = Array.from({ length: 80 }, async (_, index) => {
      const hold = await ledger.hold(request(accountId, keyId), index % 4 === 0 ? alone : [])
      await ledger.settle(hold, succeeded(3))
    })
    const all = Promise.allSettled(work)
    await query(url, endAll)
    for (const each of await all) {
      if (each.status === 'rejected') assert.ok(each.reason instanceof StoreUnavailable, String(each.reason))
    }
  }
  await ledger.tidy()
  await ledger.recover('test')
  await ledger.settle(await ledger.hold(request(accountId, keyId)), succeeded(3))
  assert.ok((await store.read(`SELECT id FROM calls WHERE state = 'settled'`)).length > 0)
  await balanced()
})

test('a restart of the server under load is outlived', async (t) => {
  const { database, stop, start } = await server()
  const { ledger, account, key, request, balanceOf, balanced } = await opened(t, await database())
  const accountId = await account(10_000)
  const keyId = await key(accountId)
  const patiently = async <Answer>(verb: () => Promise<Answer>): Promise<Answer> => {
    for (;;) {
      try {
        return await verb()
      } catch (error) {
        if (!(error instanceof StoreUnavailable)) throw error
        await new Promise((wake) => setTimeout(wake, 50))
      }
    }
  }
  const work = Array.from({ length: 30 }, async () => {
    for (let calls = 0; calls < 5; calls++) {
      const hold = await patiently(() => ledger.hold(request(accountId, keyId)))
      await patiently(() => ledger.settle(hold, succeeded(3)))
    }
  })
  await stop()
  await start()
  await Promise.all(work)
  await ledger.tidy()
  await ledger.recover('test')
  assert.equal((await balanceOf(accountId)).posted, (10_000 - 30 * 5 * 3) * 1e6)
  await balanced()
})

test('a server that takes no writes any more is said to be read-only, until it does again', async (t) => {
  const { database, query } = await server()
  const url = await database()
  const { ledger, account, key, request, balanced } = await opened(t, url)
  const accountId = await account(10)
  const keyId = await key(accountId)
  const readOnly = (value: string) =>
    query(url, `ALTER DATABASE ${new URL(url).pathname.slice(1)} SET default_transaction_read_only = ${value}`)
  await readOnly('on')
  await query(url, endAll)
  await assert.rejects(ledger.hold(request(accountId, keyId)), inTrouble('readonly'))
  const client = new Client({ connectionString: url, options: '-c default_transaction_read_only=off' })
  await client.connect()
  await client.query(`ALTER DATABASE ${new URL(url).pathname.slice(1)} SET default_transaction_read_only = off`)
  await client.end()
  await ledger.settle(await ledger.hold(request(accountId, keyId)), succeeded(3))
  await balanced()
})

for (const alongside of [[], alone]) {
  const how = alongside === alone ? 'each by itself' : 'together'
  test(`holds, written ${how}, whose confirmation was lost are found by their call ids and made once`, async (t) => {
    const proxy = await openCuttingProxy(t, await (await server()).database())
    const { ledger, account, key, request, balanceOf, balanced } = await opened(t, proxy.url)
    const accountId = await account(10)
    const keyId = await key(accountId)
    proxy.loseNextAnswer()
    const holds = await Promise.all([1, 2].map(() => ledger.hold(request(accountId, keyId), alongside)))
    assert.equal((await balanceOf(accountId)).held, 6_000_000)
    assert.equal(await ledger.tidy(), 0)
    for (const hold of holds) await ledger.settle(hold, succeeded(3))
    await balanced()
  })

  test(`settles, written ${how}, whose confirmation was lost charge once and say so`, async (t) => {
    const proxy = await openCuttingProxy(t, await (await server()).database())
    const { ledger, account, key, request, balanceOf, balanced } = await opened(t, proxy.url)
    const accountId = await account(10)
    const keyId = await key(accountId)
    const holds = await Promise.all([1, 2].map(() => ledger.hold(request(accountId, keyId))))
    proxy.loseNextAnswer()
    await Promise.all(holds.map((hold) => ledger.settle(hold, succeeded(3), alongside)))
    assert.equal((await balanceOf(accountId)).posted, 4_000_000)
    await balanced()
  })
}

test('a release whose confirmation was lost is known to have happened', async (t) => {
  const proxy = await openCuttingProxy(t, await (await server()).database())
  const { ledger, account, key, request, balanced } = await opened(t, proxy.url)
  const accountId = await account(10)
  const hold = await ledger.hold(request(accountId, await key(accountId)))
  proxy.loseNextAnswer()
  assert.equal((await ledger.release(hold, failed))?.available, 10_000_000)
  await balanced()
})

test('a hold that nobody could confirm is released once it turns up', async (t) => {
  const { database, stop, start } = await server()
  const url = await database()
  const { store, account, key, request, balanced } = await opened(t, url)
  const accountId = await account(10)
  const wanted = request(accountId, await key(accountId))
  let losing = true
  // The write arrives, its confirmation does not, and then nothing can be asked for a while.
  const lossy: typeof store = {
    ...store,
    async write(unit, manner) {
      const done = await store.write(unit, manner)
      if (losing) throw new StoreUnavailable('gone')
      return done
    },
    async read(sql, params) {
      if (losing) throw new StoreUnavailable('gone')
      return store.read(sql, params)
    },
  }
  const ledger = openLedger(lossy, 'test')
  await assert.rejects(ledger.hold(wanted), inTrouble('gone'))
  losing = false
  await stop()
  await start()
  assert.equal(await ledger.tidy(), 1)
  assert.equal(await ledger.tidy(), 0)
  await balanced()
})
