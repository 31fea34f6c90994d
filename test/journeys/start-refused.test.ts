import assert from 'node:assert/strict'
import { mkdirSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import type { Environment } from '../../src/config.ts'
import { openPlace, type Place } from '../support/process.ts'
import { opened } from '../support/stand-in-client.ts'

/** Starts, expects a refusal with that code, and answers its lines; a refusal is a sentence and never a stack trace. */
async function refused(place: Place, code: number, env: Environment = {}): Promise<string[]> {
  const { code: got, stdout, stderr } = await place.run({ env })
  assert.equal(got, code, stdout + stderr)
  assert.doesNotMatch(stdout + stderr, /^\s+at |\.ts:\d|Error:/m)
  assert.doesNotMatch(stdout, /listening/)
  const [first, ...lines] = stderr.trimEnd().split('\n')
  assert.equal(first, 'Tollgate did not start:')
  return lines.map((line) => line.trim())
}

/** A database that was served before. */
async function served(place: Place): Promise<void> {
  const house = await place.start()
  house.kill('SIGTERM')
  assert.equal((await house.ended).code, 0)
}

test('every wrong setting is named at once and none is echoed', async (t) => {
  const lines = await refused(openPlace(t), 78, {
    PORT: 'CANARY-port',
    UPSTREAM_TOKENS: 'sk-good-CANARY-1234567890,sk-bad CANARY',
    ADMIN_KEY: 'CANARY-short',
    DATABASE_URL: 'postgres:CANARY-password',
    UPSTREAM_CA_FILE: '/CANARY/missing.pem',
    UPSTREAM_TIMEOUT: 'CANARY',
    NODE_TLS_REJECT_UNAUTHORIZED: '0',
  })
  const names = ['PORT', 'UPSTREAM_TOKENS', 'ADMIN_KEY', 'DATABASE_URL', 'UPSTREAM_CA_FILE', 'UPSTREAM_TIMEOUT']
  for (const name of [...names, 'NODE_TLS_REJECT_UNAUTHORIZED']) {
    assert.ok(
      lines.some((line) => line.startsWith(`${name}: `)),
      `${name} in ${lines.join(' | ')}`,
    )
  }
  assert.doesNotMatch(lines.join(), /CANARY/)
})

test('a .env that cannot be read stops the start', async (t) => {
  const place = openPlace(t)
  mkdirSync(join(place.folder, '.env'))
  const [line] = await refused(place, 78)
  assert.match(line ?? '', /^\.env: cannot be read/)
})

test('a second server on the same file is refused and the first goes on undisturbed', async (t) => {
  const place = openPlace(t)
  const house = await place.start()
  const [line] = await refused(place, 75)
  assert.match(line ?? '', /^DATABASE_URL: another Tollgate already serves /)
  assert.equal((await house.books())['balanced'], true)
  house.kill('SIGTERM')
  assert.equal((await house.ended).code, 0)
})

test('the lock of a killed server is free at once', async (t) => {
  const place = openPlace(t)
  const house = await place.start()
  house.kill('SIGKILL')
  await house.ended
  assert.equal((await (await place.start()).books())['balanced'], true)
})

test('a file that is no database is refused as damaged', async (t) => {
  const place = openPlace(t)
  writeFileSync(place.database, 'a note that somebody left here\n'.repeat(500))
  const [line] = await refused(place, 65)
  assert.match(line ?? '', /damaged or not a database/)
})

test('a database with overwritten pages is refused as damaged', async (t) => {
  const place = openPlace(t)
  await served(place)
  const file = openSync(place.database, 'r+')
  writeSync(file, Buffer.alloc(60_000, 0xa5), 0, 60_000, 8192)
  const [line] = await refused(place, 65)
  assert.match(line ?? '', /damaged/)
})

test('a database of a newer version is left alone', async (t) => {
  const place = openPlace(t)
  await served(place)
  const database = new DatabaseSync(place.database)
  database.exec(`INSERT INTO schema_migrations VALUES (9999, 'from-the-future', 1)`)
  database.close()
  const [line] = await refused(place, 78)
  assert.match(line ?? '', /newer Tollgate \(schema 9999\)/)
})

test('a folder that cannot be made is a fault of DATABASE_URL', async (t) => {
  const place = openPlace(t)
  writeFileSync(join(place.folder, 'a-file'), '')
  const [line] = await refused(place, 78, { DATABASE_URL: `sqlite:${join(place.folder, 'a-file/deep/house.db')}` })
  assert.match(line ?? '', /^DATABASE_URL: .*cannot be written/)
})

test('a database that is a folder is a fault of DATABASE_URL', async (t) => {
  const place = openPlace(t)
  mkdirSync(place.database)
  const [line] = await refused(place, 78)
  assert.match(line ?? '', /^DATABASE_URL: /)
})

test('a ledger that was here and is gone is not replaced by an empty one', async (t) => {
  const place = openPlace(t)
  await served(place)
  rmSync(place.database)
  const [line] = await refused(place, 78)
  assert.match(line ?? '', /was here before and is gone/)
})

test('a port that is taken, an address that is not ours and a name nobody knows are faults of HOST and PORT', async (t) => {
  const standIn = await opened(t)
  const faults: [Environment, RegExp][] = [
    [{ PORT: String(standIn.port) }, /^PORT: something else listens there/],
    [{ HOST: '192.0.2.1' }, /^HOST: is no address of this machine/],
    [{ HOST: 'nowhere.invalid' }, /^HOST: is a name that nobody knows/],
  ]
  for (const [env, sentence] of faults) {
    const [line, ...more] = await refused(openPlace(t), 78, env)
    assert.match(line ?? '', sentence)
    assert.deepEqual(more, [])
  }
})
