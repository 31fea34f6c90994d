import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openOperators } from '../../src/operators/operators.ts'
import { auditRows, everything, good, post, refusal, unknownIds } from '../support/admin.ts'
import { openTestHouse, type TestHouse } from '../support/house.ts'
import { forEachStore } from '../support/stores.ts'

const as = (house: TestHouse, secret: unknown, method: string, path: string, body?: unknown) =>
  house.admin(method, path, body, { authorization: `Bearer ${String(secret)}` })

test("an operator's key opens the door at once, and shuts with its removal", async (t) => {
  const house = await openTestHouse(t)
  const { secret, ...made } = await post(house, '/operators', { name: 'Sam', role: 'admin' })
  assert.match(String(secret), /^tg_admin_[0-9A-Za-z]{38}$/)
  assert.equal(made['hint'], String(secret).slice(0, 12))
  assert.deepEqual(good(await as(house, secret, 'GET', `/operators/${made['id']}`)), made)
  assert.deepEqual(await everything(house, '/operators', 1), [made])
  good(await as(house, secret, 'POST', '/accounts', { name: 'x' }), 201)
  const removed = await house.admin('DELETE', `/operators/${made['id']}`)
  assert.deepEqual([removed.status, removed.body.length], [204, 0])
  refusal(await as(house, secret, 'GET', '/accounts'), 401, 'unauthorized')
  refusal(await house.admin('DELETE', `/operators/${made['id']}`), 404, 'not_found')
  for (const table of ['operators', 'audit']) {
    assert.ok(!JSON.stringify(await house.store.read(`SELECT * FROM ${table}`)).includes(String(secret)))
  }
})

test('an operator that cannot be is refused', async (t) => {
  const house = await openTestHouse(t)
  const rows = await auditRows(house)
  for (const [body, about] of [
    [{ name: 'x' }, 'role: is required'],
    [{ name: 'x', role: 'owner' }, 'role: must be one of admin, viewer'],
    [{ name: '', role: 'admin' }, 'name: '],
    [{ name: 'x', role: 'admin', secret: 'mine' }, 'secret: is not known here'],
  ] as const) {
    refusal(await house.admin('POST', '/operators', body), 400, 'bad_request', about)
  }
  for (const id of [unknownIds.op, unknownIds.acc, 'op_bootstrap', 'x']) {
    refusal(await house.admin('GET', `/operators/${id}`), 404, 'not_found')
    refusal(await house.admin('DELETE', `/operators/${id}`), 404, 'not_found')
  }
  assert.equal(await auditRows(house), rows)
})

test('a viewer sees everything and changes nothing', async (t) => {
  const house = await openTestHouse(t)
  const { id, secret } = await post(house, '/operators', { name: 'Vic', role: 'viewer' })
  const rows = await auditRows(house)
  good(await as(house, secret, 'GET', '/accounts'))
  refusal(await as(house, secret, 'POST', '/accounts', { name: 'x' }), 403, 'forbidden')
  refusal(await as(house, secret, 'POST', '/operators', { name: 'x', role: 'admin' }), 403, 'forbidden')
  refusal(await as(house, secret, 'DELETE', `/operators/${id}`), 403, 'forbidden')
  assert.equal(await auditRows(house), rows)
})

test('without a bootstrap key the last admin stays', async (t) => {
  const house = await openTestHouse(t)
  const operators = openOperators(house.store, undefined)
  const first = operators.adding('first', 'admin', 'a'.repeat(64), 'hint')
  const second = operators.adding('second', 'admin', 'b'.repeat(64), 'hint')
  const viewer = operators.adding('viewer', 'viewer', 'c'.repeat(64), 'hint')
  await house.store.write([...first.unit, ...second.unit, ...viewer.unit])
  const remove = async (id: string) => (await house.store.write(operators.removing(id))).refused
  assert.equal(await remove(first.id), undefined)
  assert.equal(await remove(second.id), 'last')
  assert.equal(await remove(viewer.id), undefined)
  const withBootstrap = openOperators(house.store, 'd'.repeat(64))
  assert.equal((await house.store.write(withBootstrap.removing(second.id))).refused, undefined)
})

test('the last admin is told that nobody could take over, and goes once there is another', async (t) => {
  const house = await openTestHouse(t, { ADMIN_KEY: undefined })
  const minted = house.first.adminKey
  const [first] = good(await as(house, minted, 'GET', '/operators'))['data'] as { id: string }[]
  good(await as(house, minted, 'POST', '/operators', { name: 'Vic', role: 'viewer' }), 201)
  const rows = await auditRows(house)
  const last = await as(house, minted, 'DELETE', `/operators/${first?.id}`)
  refusal(last, 409, 'conflict', 'the last admin')
  assert.equal(await auditRows(house), rows)
  const { secret } = good(await as(house, minted, 'POST', '/operators', { name: 'Sam', role: 'admin' }), 201)
  assert.equal((await as(house, minted, 'DELETE', `/operators/${first?.id}`)).status, 204)
  refusal(await as(house, minted, 'GET', '/operators'), 401, 'unauthorized')
  good(await as(house, secret, 'GET', '/operators'))
})

forEachStore((name, open) => {
  test(`${name}: however many admins are removed at once, one stays`, async (t) => {
    const place = await open(t)
    const stores = [place.store, await place.again()]
    for (let round = 0; round < 10; round++) {
      const admins = ['one', 'two', 'three'].map((each) =>
        openOperators(place.store, undefined).adding(each, 'admin', `${each} ${round}`, 'hint'),
      )
      await place.store.write(admins.flatMap(({ unit }) => unit))
      const left = await place.store.read('SELECT id FROM operators')
      const removals = left.flatMap(({ id }, index) => {
        const store = stores[index % stores.length]
        return store ? [store.write(openOperators(store, undefined).removing(String(id)))] : []
      })
      const words = (await Promise.all(removals)).map(({ refused }) => refused)
      assert.deepEqual(words.filter(Boolean), ['last'])
      assert.equal((await place.store.read('SELECT id FROM operators')).length, 1)
    }
  })
})
