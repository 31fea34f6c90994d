import assert from 'node:assert/strict'
import { test } from 'node:test'
import { digestOf } from '../../src/keys/key.ts'
import { ChangedMeanwhile, openKeys, statusOf } from '../../src/keys/keys.ts'
import { openTestHouse } from '../support/house.ts'

test('a key is found by its digest, remembered, and forgotten with every change', async (t) => {
  const house = await openTestHouse(t)
  const keys = openKeys(house.store, 0)
  const { id, secret } = await house.key(await house.account(0), { allowIps: ['10.0.0.0/8'] })
  const digest = digestOf(secret)
  assert.equal(keys.known(digest), undefined)
  const identity = await keys.find(digest)
  assert.equal(identity?.id, id)
  assert.deepEqual([identity?.allows?.('10.1.2.3'), identity?.allows?.('11.1.2.3')], [true, false])
  assert.equal(keys.known(digest), identity)
  await keys.revoke(id, [])
  assert.equal(keys.known(digest), undefined)
  const revoked = await keys.find(digest)
  assert.ok(revoked)
  assert.equal(statusOf(revoked, Date.now()), 'revoked')
  assert.equal(await keys.find(digestOf('nobody')), undefined)
})

test('what is read while a change comes in is not remembered', async (t) => {
  const house = await openTestHouse(t)
  const keys = openKeys(house.store, 0)
  const { secret } = await house.key(await house.account(0))
  const reading = keys.find(digestOf(secret))
  keys.forget()
  assert.ok(await reading)
  assert.equal(keys.known(digestOf(secret)), undefined)
})

test('a change made at an older version is refused', async (t) => {
  const house = await openTestHouse(t)
  const keys = openKeys(house.store, 0)
  const { id } = await house.key(await house.account(0))
  const key = await keys.get(id)
  assert.equal((await keys.change(key, { name: 'second' }, [])).version, 2)
  await assert.rejects(keys.change(key, { name: 'third' }, []), ChangedMeanwhile)
  await assert.rejects(
    keys.rotate(key, 0, () => []),
    ChangedMeanwhile,
  )
  assert.equal((await keys.get(id)).name, 'second')
})

test("with an account given, another account's key is as unknown as one that never was", async (t) => {
  const house = await openTestHouse(t)
  const keys = openKeys(house.store, 0)
  const [one, other] = [await house.account(0), await house.account(0)]
  const { id } = await house.key(one)
  assert.equal((await keys.get(id, one)).id, id)
  const told = { name: 'Problem', message: 'There is no such key.' }
  await assert.rejects(keys.get(id, other), told)
  await assert.rejects(keys.get('key_00000000000000000000000000', one), told)
})
