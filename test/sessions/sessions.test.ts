import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openSessions, sweepSessions } from '../../src/sessions/sessions.ts'
import type { Store } from '../../src/store/store.ts'
import { forEachStore } from '../support/stores.ts'

const minuteMs = 60_000
const hourMs = 60 * minuteMs

function openAt(store: Store) {
  const clock = { nowMs: Date.UTC(2026, 10, 22) }
  return { clock, sessions: openSessions(store, () => clock.nowMs) }
}

async function rows(store: Store): Promise<number> {
  return Number((await store.read('SELECT count(*) AS n FROM sessions'))[0]?.['n'])
}

forEachStore((name, open) => {
  test(`${name}: a session is found by its secret alone, which is stored nowhere`, async (t) => {
    const { store } = await open(t)
    const { sessions } = openAt(store)
    const { secret, ...opened } = await sessions.open('account', 'digest of a key')
    assert.match(secret, /^[\w-]{43}$/)
    assert.deepEqual(await sessions.find(secret), opened)
    assert.equal((await sessions.open('operator', 'another')).kind, 'operator')
    const [{ digest } = {}] = await store.read(`SELECT digest FROM sessions WHERE kind = 'account'`)
    assert.equal(await sessions.find(String(digest)), undefined)
    assert.equal(await sessions.find(''), undefined)
    assert.ok(!JSON.stringify(await store.read('SELECT * FROM sessions')).includes(secret))
  })

  test(`${name}: a session ends after 12 hours however often it is used`, async (t) => {
    const { store } = await open(t)
    const { sessions, clock } = openAt(store)
    const { secret, expiresAtMs } = await sessions.open('operator', 'key')
    assert.equal(expiresAtMs, clock.nowMs + 12 * hourMs)
    for (; clock.nowMs < expiresAtMs; clock.nowMs += hourMs) assert.ok(await sessions.find(secret))
    assert.equal(await sessions.find(secret), undefined)
  })

  test(`${name}: a session ends after 2 hours without use, and use is written once a minute at most`, async (t) => {
    const { store } = await open(t)
    const { sessions, clock } = openAt(store)
    const { secret } = await sessions.open('operator', 'key')
    const seenAt = async () => Number((await store.read('SELECT seen_at FROM sessions'))[0]?.['seen_at'])
    const beganMs = clock.nowMs
    clock.nowMs += minuteMs - 1
    await sessions.find(secret)
    assert.equal(await seenAt(), beganMs)
    clock.nowMs += 1
    await sessions.find(secret)
    assert.equal(await seenAt(), beganMs + minuteMs)
    clock.nowMs += 2 * hourMs - 1
    assert.ok(await sessions.find(secret))
    clock.nowMs += 2 * hourMs
    assert.equal(await sessions.find(secret), undefined)
  })

  test(`${name}: a closed session is over for every replica at once, and no other is`, async (t) => {
    const { store, again } = await open(t)
    const { sessions, clock } = openAt(store)
    const elsewhere = openSessions(await again(), () => clock.nowMs)
    const [one, other] = [await sessions.open('account', 'key'), await sessions.open('account', 'key')]
    assert.ok(await elsewhere.find(one.secret))
    await elsewhere.close(one.secret)
    assert.equal(await sessions.find(one.secret), undefined)
    assert.ok(await sessions.find(other.secret))
    await sessions.close(one.secret)
  })

  test(`${name}: what ended by itself is swept away, and nothing else`, async (t) => {
    const { store } = await open(t)
    const { sessions, clock } = openAt(store)
    await sessions.open('account', 'idle')
    clock.nowMs += hourMs
    const { secret } = await sessions.open('account', 'in use')
    clock.nowMs += hourMs
    await sweepSessions(store, clock.nowMs)
    assert.equal(await rows(store), 1)
    assert.ok(await sessions.find(secret))
    await sweepSessions(store, clock.nowMs + 12 * hourMs)
    assert.equal(await rows(store), 0)
  })

  test(`${name}: one key cannot fill the house with sessions: the oldest ends`, async (t) => {
    const { store } = await open(t)
    const { sessions, clock } = openAt(store)
    const other = await sessions.open('account', 'other')
    const secrets: string[] = []
    for (let count = 0; count < 22; count++, clock.nowMs++) secrets.push((await sessions.open('account', 'key')).secret)
    const alive = await Promise.all(secrets.map((secret) => sessions.find(secret)))
    assert.deepEqual(
      alive.map((session) => session !== undefined),
      secrets.map((_, place) => place >= 2),
    )
    assert.ok(await sessions.find(other.secret))
  })
})
