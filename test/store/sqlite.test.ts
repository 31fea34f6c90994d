import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { type TestContext, test } from 'node:test'
import { StoreUnavailable } from '../../src/errors.ts'
import { endSteps, holdSteps } from '../../src/ledger/texts.ts'
import { openSqlite, refuseOldSqlite } from '../../src/store/sqlite.ts'
import { StoreRefusal } from '../../src/store/store.ts'
import { failed, openBooks, succeeded, type TestBooks } from '../support/books.ts'
import { type OpenStore, sqliteFile } from '../support/stores.ts'

/** The path of the database behind the books. */
async function opened(t: TestContext): Promise<TestBooks & { path: string }> {
  const file = sqliteFile(t)
  const open: OpenStore = async () => {
    const store = await openSqlite(file.path)
    t.after(() => store.close())
    return { database: file, store, again: async () => store }
  }
  return { ...(await openBooks(t, open)), path: file.path }
}

/** Another process that has the database's write lock until it is told to let go. */
async function lockedBy(t: TestContext, path: string): Promise<() => Promise<void>> {
  const program = `import { DatabaseSync } from 'node:sqlite'
    const database = new DatabaseSync(process.argv[1])
    database.exec('BEGIN IMMEDIATE')
    process.stdout.write('locked')
    process.stdin.on('end', () => database.exec('ROLLBACK')).resume()`
  const child = spawn(process.execPath, ['--input-type=module', '-e', program, path], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  t.after(() => child.kill('SIGKILL'))
  const exit = once(child, 'exit')
  await once(child.stdout, 'data')
  return async () => {
    child.stdin.end()
    await exit
  }
}

async function refusalOf(work: Promise<unknown>): Promise<StoreRefusal> {
  const error = await work.then(
    () => 'it was opened',
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof StoreRefusal, String(error))
  return error
}

const isBusy = (error: unknown) => error instanceof StoreUnavailable && error.trouble === 'busy'

test('a hold, a settle and a release wait for another process that locks the database for a moment', async (t) => {
  const { ledger, path, account, key, request, balanced } = await opened(t)
  const accountId = await account(10)
  const keyId = await key(accountId)
  const [first, second] = [await ledger.hold(request(accountId, keyId)), await ledger.hold(request(accountId, keyId))]
  const unlock = await lockedBy(t, path)
  const work = [
    ledger.hold(request(accountId, keyId)).then((hold) => ledger.release(hold, failed)),
    ledger.settle(first, succeeded(3)),
    ledger.release(second, failed),
  ]
  await unlock()
  await Promise.all(work)
  await balanced()
})

test('a lock that outlasts our patience fails a hold, a settle and a release, and nothing of them is written', async (t) => {
  const { ledger, path, account, key, request, one, balanceOf, balanced } = await opened(t)
  const accountId = await account(10)
  const keyId = await key(accountId)
  const [first, second] = [await ledger.hold(request(accountId, keyId)), await ledger.hold(request(accountId, keyId))]
  const before = await balanceOf(accountId)
  const unlock = await lockedBy(t, path)
  const third = request(accountId, keyId)
  await Promise.all([
    assert.rejects(ledger.hold(third), isBusy),
    assert.rejects(ledger.settle(first, succeeded(3)), isBusy),
    assert.rejects(ledger.release(second, failed), isBusy),
  ])
  await unlock()
  assert.deepEqual(await balanceOf(accountId), before)
  assert.equal((await one(`SELECT count(*) AS held FROM calls WHERE state = 'held'`))['held'], 2)
  await ledger.settle(first, succeeded(3))
  await ledger.release(second, failed)
  await ledger.release(await ledger.hold(third), failed)
  await balanced()
})

test('reads go on while another process holds the write lock', async (t) => {
  const { path, account, balanceOf } = await opened(t)
  const accountId = await account(10)
  const unlock = await lockedBy(t, path)
  assert.equal((await balanceOf(accountId)).posted, 10_000_000)
  await unlock()
})

test('a second server on the same file is refused, and the first goes on', async (t) => {
  const { path, account, balanced } = await opened(t)
  const refusal = await refusalOf(openSqlite(path))
  assert.equal(refusal.exitCode, 75)
  assert.match(refusal.message, /another Tollgate already serves/)
  await account(10)
  await balanced()
})

test('a damaged file is refused', async (t) => {
  const { store, path, account } = await opened(t)
  for (let count = 0; count < 50; count++) await account(1)
  await store.close()
  const file = openSync(path, 'r+')
  // Past the header and the schema's page, all over the rest.
  writeSync(file, Buffer.alloc(statSync(path).size - 8192, 0x5a), 0, null, 8192)
  closeSync(file)
  const refusal = await refusalOf(openSqlite(path))
  assert.equal(refusal.exitCode, 65)
  assert.match(refusal.message, /damaged/)
})

test('a file that is no database is refused and left as it is', async (t) => {
  const { path } = sqliteFile(t)
  const file = openSync(path, 'w')
  writeSync(file, 'these are the holiday pictures, not a ledger '.repeat(100))
  closeSync(file)
  const before = readFileSync(path)
  assert.equal((await refusalOf(openSqlite(path))).exitCode, 65)
  assert.deepEqual(readFileSync(path), before)
})

test('words that no call and no entry has are refused, and no write of a call builds a table for that', async (t) => {
  const { store, path, ledger, account, key, request, balanced } = await opened(t)
  const accountId = await account(10)
  const hold = await ledger.hold(request(accountId, await key(accountId)))
  for (const column of ['state', 'outcome']) {
    const sql = `UPDATE calls SET ${column} = 'other' WHERE id = '${hold.id}'`
    await assert.rejects(store.write([{ sql, params: [] }]), /CHECK constraint failed/)
  }
  const entry = `INSERT INTO entries (account_id, number, id, kind, credits, posted_after, created_at)
    VALUES ('${accountId}', 99, 'ent_1', 'other', 1, 1, 1)`
  await assert.rejects(store.write([{ sql: entry, params: [] }]), /CHECK constraint failed/)
  await ledger.settle(hold, succeeded(3))
  await balanced()
  // Not read-only, since such a connection makes no code for checks.
  const file = new DatabaseSync(path)
  t.after(() => file.close())
  for (const { sql } of [...holdSteps, ...endSteps]) {
    const codes = file.prepare(`EXPLAIN ${sql.replaceAll(/\$(\d+)/g, '?$1')}`).all()
    assert.deepEqual(
      codes.filter(({ opcode }) => opcode === 'OpenEphemeral'),
      [],
      sql,
    )
  }
})

test('a ledger that was here and is gone is not replaced by an empty one', async (t) => {
  const { store, path } = await opened(t)
  await store.close()
  rmSync(path)
  const refusal = await refusalOf(openSqlite(path))
  assert.equal(refusal.exitCode, 78)
  assert.match(refusal.message, /was here before and is gone/)
})

test('the file and what lies beside it can be read by its owner only', async (t) => {
  const { path } = await opened(t)
  for (const ending of ['', '-wal', '-shm']) assert.equal(statSync(path + ending).mode & 0o777, 0o600, ending)
})

test('a SQLite that can lose committed pages is refused', () => {
  for (const old of ['3.51.2', '3.50.9', '3.9.0', '2.99.99', '']) {
    assert.throws(
      () => refuseOldSqlite(old),
      (error) => error instanceof StoreRefusal && error.exitCode === 78,
    )
  }
  for (const good of ['3.51.3', '3.51.10', '3.52.0', '4.0.0']) refuseOldSqlite(good)
})
