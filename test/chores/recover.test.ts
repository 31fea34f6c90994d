import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pino } from 'pino'
import { recover, startRecovering } from '../../src/chores/recover.ts'
import { openLeases } from '../../src/ledger/leases.ts'
import { openLedger } from '../../src/ledger/ledger.ts'
import { credits, openBooks, refusedAs, succeeded } from '../support/books.ts'
import { forEachStore } from '../support/stores.ts'

const log = pino({ level: 'silent' })
const lapse = (id: string) => ({ sql: 'UPDATE instances SET until = 1 WHERE id = $1', params: [id] })

forEachStore((name, open) => {
  test(`${name}: holds of a replica whose lease is over are released, those of the living are not`, async (t) => {
    const { store, account, key, request, balanceOf, balanced } = await openBooks(t, open)
    const accountId = await account(100)
    const keyId = await key(accountId)
    const rooms = (owner: string) => ({ leases: openLeases(store, owner), ledger: openLedger(store, owner), log })
    const [dead, living, first] = [rooms('dead'), rooms('living'), rooms('first')]
    await Promise.all([dead.leases.renew(), living.leases.renew()])
    const late = await dead.ledger.hold(request(accountId, keyId))
    await dead.ledger.hold(request(accountId, keyId))
    const own = await living.ledger.hold(request(accountId, keyId))
    assert.equal(await recover(first), 0)
    await store.write([lapse('dead')])
    assert.equal(await recover(first), 2)
    assert.equal((await balanceOf(accountId)).held, credits(3))
    await refusedAs('hold_expired', dead.ledger.settle(late, succeeded(3)))
    await living.ledger.settle(own, succeeded(3))
    const rows = await store.read('SELECT id FROM instances ORDER BY id')
    assert.deepEqual(
      rows.map((row) => row['id']),
      ['first', 'living'],
    )
    await balanced()
  })

  test(`${name}: whoever never had a lease owns nothing`, async (t) => {
    const { store, ledger, account, key, request, balanced } = await openBooks(t, open)
    const accountId = await account(100)
    await ledger.hold(request(accountId, await key(accountId)))
    const leases = openLeases(store, 'first')
    assert.equal(await recover({ leases, ledger: openLedger(store, 'first'), log }), 1)
    await balanced()
  })

  test(`${name}: the chore renews its lease, releases what turns up, and leaves when it is closed`, async (t) => {
    const { store, account, key, request, one, balanced } = await openBooks(t, open)
    const accountId = await account(100)
    const keyId = await key(accountId)
    const dead = openLedger(store, 'dead')
    const leases = openLeases(store, 'first')
    const chore = await startRecovering({ leases, ledger: openLedger(store, 'first'), log, everyMs: 5 })
    await store.write([lapse('first')])
    const hold = await dead.hold(request(accountId, keyId))
    while ((await one('SELECT state FROM calls WHERE id = $1', hold.id))['state'] === 'held') {
      await new Promise((wake) => setTimeout(wake, 5))
    }
    assert.ok(Number((await one('SELECT until FROM instances'))['until']) > Date.now())
    await chore.close()
    assert.deepEqual(await store.read('SELECT id FROM instances'), [])
    await balanced()
  })

  test(`${name}: two replicas that find the same dead one release each hold once`, async (t) => {
    const { store, account, key, request, balanced } = await openBooks(t, open)
    const accountId = await account(1000)
    const keyId = await key(accountId)
    const dead = openLedger(store, 'dead')
    await Promise.all(Array.from({ length: 40 }, () => dead.hold(request(accountId, keyId))))
    const counts = await Promise.all(
      ['first', 'second'].map((owner) =>
        recover({ leases: openLeases(store, owner), ledger: openLedger(store, owner), log }),
      ),
    )
    assert.equal(Number(counts[0]) + Number(counts[1]), 40)
    await balanced()
  })
})
