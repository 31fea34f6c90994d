import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, closeSync, mkdirSync, openSync, rmSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { suite, type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { behind } from '../support/house.ts'
import { checkout, openPlace, type Place } from '../support/process.ts'
import { type Serving, serving } from '../support/serving.ts'
import type { StandIn } from '../support/stand-in.ts'
import { opened } from '../support/stand-in-client.ts'

const server = join(checkout, 'src/server.ts')
/** Mounts made inside it end with the process, and nobody outside sees them. */
const ownMounts: readonly [string, ...string[]] = process.getuid?.() === 0 ? ['unshare', '-m'] : ['unshare', '-rm']
const mayMount = spawnSync(ownMounts[0], [...ownMounts.slice(1), 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']).status === 0
if (!mayMount) console.log('LEFT OUT: nothing may be mounted here, so a full disk is a limit on the size of files.')

type Disk = { fill(): void; free(): void }
type Scene = Disk & {
  readonly standIn: StandIn
  readonly house: Serving
  readonly call: (prompt?: string) => ReturnType<Serving['client']['call']>
  /** What the admin API lists, newest first; the file itself is out of sight. */
  readonly listed: (path: string) => Promise<readonly Record<string, unknown>[]>
}

/** A house on a disk of its own that can run full. */
async function onSmallDisk(t: TestContext): Promise<Scene> {
  const standIn = await opened(t)
  const place = openPlace(t)
  const { secret } = await place.furnish(300)
  const house = mayMount ? await onTmpfs(t, place, standIn) : await serving(t, place, { env: behind(standIn) })
  const folder = mayMount ? `/proc/${house.pid}/root${place.folder}/disk` : place.folder
  const call: Scene['call'] = (prompt = 'a lighthouse') => house.client.call(secret, { prompt })
  const listed: Scene['listed'] = async (path) =>
    (await house.admin('GET', path)).json()['data'] as Record<string, unknown>[]
  return { standIn, house, call, listed, ...(mayMount ? fullOf(folder) : limited(house.pid, folder)) }
}

function onTmpfs(t: TestContext, { folder, ...place }: Place, standIn: StandIn): Promise<Serving> {
  const disk = join(folder, 'disk')
  mkdirSync(disk)
  const script = 'mount -t tmpfs -o size=8m tmpfs "$1" && cp "$2" "$2.lock" "$1" && exec "$3" "$4"'
  const command = [...ownMounts, 'sh', '-c', script, 'sh', disk, place.database, process.execPath, server] as const
  const env = behind(standIn, { DATABASE_URL: `sqlite:${join(disk, 'house.db')}` })
  return serving(t, { folder, ...place }, { env, command: [...command] })
}

/** Every byte of the disk is taken by a file, until it is removed. */
function fullOf(folder: string): Disk {
  const filler = join(folder, 'filler')
  return {
    fill() {
      const file = openSync(filler, 'w')
      const block = Buffer.alloc(4096)
      try {
        for (;;) writeSync(file, block)
      } catch (error) {
        assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC')
      } finally {
        closeSync(file)
      }
    },
    free: () => rmSync(filler),
  }
}

/** No file of the process can grow any more. */
function limited(pid: number, folder: string): Disk {
  const limit = (bytes: number | string) => spawnSync('prlimit', [`--pid=${pid}`, `--fsize=${bytes}`])
  return {
    fill: () => assert.equal(limit(`${statSync(join(folder, 'house.db-wal')).size}:unlimited`).status, 0),
    free: () => assert.equal(limit('unlimited:unlimited').status, 0),
  }
}

/** A house whose database another program locks for a while. */
async function locked(t: TestContext) {
  const standIn = await opened(t)
  const place = openPlace(t)
  const { secret } = await place.furnish(300)
  const house = await serving(t, place, { env: behind(standIn) })
  const file = new DatabaseSync(place.database)
  t.after(() => file.close())
  const call: Scene['call'] = (prompt = 'a lighthouse') => house.client.call(secret, { prompt })
  const lock = () => file.exec('BEGIN IMMEDIATE')
  const unlock = () => file.exec('ROLLBACK')
  return { standIn, place, house, call, lock, unlock }
}

suite('a disk that fails', { concurrency: 4 }, () => {
  test('a full disk refuses a call before anything is sent, still answers reads, and is over when there is room', async (t) => {
    const { standIn, house, call, fill, free, listed } = await onSmallDisk(t)
    assert.equal((await call()).status, 200)
    fill()
    const refused = await call()
    assert.deepEqual([refused.status, refused.json()['name']], [503, 'ledger_unavailable'])
    assert.match(refused.headers['retry-after'] ?? '', /^[1-9]\d*$/)
    assert.equal(refused.headers['x-credits-charged'], undefined)
    assert.equal(standIn.calls.length, 1)
    const [account] = await listed('/accounts')
    assert.deepEqual(account?.['balance'], { posted: 297, held: 0, available: 297 })
    assert.equal((await house.admin('GET', '/books')).json()['balanced'], true)
    free()
    assert.equal((await call()).status, 200)
    assert.equal((await listed('/calls')).length, 2)
    await house.balanced()
  })

  test('a settle that finds the disk full delivers nothing until there is room, and then charges once', async (t) => {
    const { standIn, house, call, fill, free, listed } = await onSmallDisk(t)
    standIn.holdAnswers()
    const reply = call()
    let answered = false
    void reply.then(() => {
      answered = true
    })
    await standIn.waitFor(1)
    fill()
    standIn.letGo()
    await sleep(1000)
    assert.equal(answered, false)
    free()
    const { status, headers } = await reply
    assert.deepEqual([status, headers['x-credits-charged'], headers['x-credits-available']], [200, '3', '297'])
    await house.balanced()
    assert.deepEqual(
      (await listed('/calls')).map(({ state, credits }) => [state, credits]),
      [['settled', 3]],
    )
  })

  test('a settle for which there is no room in time delivers nothing and costs nothing', async (t) => {
    const { standIn, house, call, fill, free, listed } = await onSmallDisk(t)
    standIn.holdAnswers()
    const reply = call()
    await standIn.waitFor(1)
    fill()
    standIn.letGo()
    const { status, headers, json } = await reply
    assert.deepEqual([status, json()['name'], headers['x-credits-charged']], [503, 'ledger_unavailable', '0'])
    free()
    await house.balanced()
    const [told] = await listed('/calls')
    assert.deepEqual(
      ['state', 'outcome', 'reason', 'upstream_may_bill', 'credits'].map((name) => told?.[name]),
      ['released', 'unknown', 'undelivered', true, 0],
    )
    assert.equal((await call()).status, 200)
  })

  test('a ledger that cannot be written stops the start with one clear line and stays as it was', async (t) => {
    const place = openPlace(t)
    const { accountId } = await place.furnish(300)
    const script = 'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && exec "$2" "$3"'
    const command = [...ownMounts, 'sh', '-c', script, 'sh', place.folder, process.execPath, server] as const
    if (!mayMount) for (const file of [place.database, `${place.database}.lock`]) chmodSync(file, 0o400)
    const folder = join(place.folder, 'no-file')
    mkdirSync(folder)
    // Modes do not bind root, so where it may not mount either, the database is something no file can be.
    const env = !mayMount && process.getuid?.() === 0 ? { DATABASE_URL: `sqlite:${folder}` } : {}
    const ended = await place.run(mayMount ? { command: [...command] } : { env })
    assert.equal(ended.code, 78)
    assert.match(ended.stderr, /^Tollgate did not start:\n {2}DATABASE_URL: .+\n$/)
    const [account] = place.rows('SELECT posted, held FROM accounts WHERE id = ?', accountId)
    assert.deepEqual({ ...account }, { posted: 300_000_000, held: 0 })
  })
})

suite('a ledger locked by another program', { concurrency: 5 }, () => {
  test('a lock of another program below the busy time-out only makes a call wait', async (t) => {
    const { house, call, lock, unlock } = await locked(t)
    lock()
    const reply = call()
    await sleep(500)
    unlock()
    assert.equal((await reply).status, 200)
    await house.balanced()
  })

  test('a lock beyond the busy time-out refuses a call before anything is sent', async (t) => {
    const { standIn, house, call, lock, unlock } = await locked(t)
    lock()
    const { status, headers, json } = await call()
    unlock()
    assert.deepEqual([status, json()['name'], headers['retry-after']], [503, 'ledger_unavailable', '1'])
    assert.equal(standIn.calls.length, 0)
    assert.equal((await call()).status, 200)
    await house.balanced()
  })

  test('a lock beyond the busy time-out at the settle delays the picture and charges it once', async (t) => {
    const { standIn, place, house, call, lock, unlock } = await locked(t)
    standIn.holdAnswers()
    const reply = call()
    await standIn.waitFor(1)
    lock()
    standIn.letGo()
    await sleep(3000)
    assert.deepEqual(
      place.rows('SELECT state FROM calls').map(({ state }) => state),
      ['held'],
    )
    unlock()
    assert.equal((await reply).headers['x-credits-charged'], '3')
    assert.equal(place.rows(`SELECT id FROM entries WHERE kind = 'charge'`).length, 1)
    await house.balanced()
  })

  test('a lock that outlasts every try of the settle delivers nothing, and the call is undone after it', async (t) => {
    const { standIn, place, house, call, lock, unlock } = await locked(t)
    standIn.holdAnswers()
    const reply = call()
    await standIn.waitFor(1)
    lock()
    standIn.letGo()
    const { status, json } = await reply
    assert.deepEqual([status, json()['name']], [503, 'ledger_unavailable'])
    const told = () => house.lines().some(({ level, reason }) => level === 50 && reason === 'settle_failed')
    for (let tries = 500; !told() && tries > 0; tries--) await sleep(10)
    assert.ok(told())
    unlock()
    await house.balanced()
    const [row] = place.rows('SELECT state, reason, credits FROM calls')
    assert.deepEqual({ ...row }, { state: 'released', reason: 'undelivered', credits: 0 })
  })

  test('a lock at the release keeps nobody from the answer, and the hold is freed after it', async (t) => {
    const { standIn, place, house, call, lock, unlock } = await locked(t)
    standIn.holdAnswers()
    const reply = call('mode:server-error')
    await standIn.waitFor(1)
    lock()
    standIn.letGo()
    assert.deepEqual([(await reply).status, (await reply).headers['x-credits-charged']], [500, '0'])
    assert.deepEqual(
      place.rows('SELECT state FROM calls').map(({ state }) => state),
      ['held'],
    )
    unlock()
    await house.balanced()
    assert.deepEqual(
      place.rows('SELECT state, credits FROM calls').map((row) => ({ ...row })),
      [{ state: 'released', credits: 0 }],
    )
  })
})
