import assert from 'node:assert/strict'
import { test } from 'node:test'
import { behind, openTestHouse } from '../support/house.ts'
import { opened } from '../support/stand-in-client.ts'

test("the upstream's balance paths tell the caller's own balance and are never forwarded", async (t) => {
  const standIn = await opened(t)
  const house = await openTestHouse(t, behind(standIn))
  const account = await house.account(10.5)
  const other = await house.account(99)
  const { secret } = await house.key(account)
  await house.key(other)
  const get = (path: string, key = secret) =>
    house.client.json('GET', path, undefined, { authorization: `Bearer ${key}` })
  await house.client.call(secret, { prompt: 'one' })
  for (const prefix of ['/sd', '']) {
    const credits = await get(`${prefix}/v1/user/balance`)
    assert.deepEqual([credits.status, credits.json()], [200, { credits: 7.5 }])
    const { id, email, organizations } = (await get(`${prefix}/v1/user/account`)).json()
    assert.deepEqual({ id, email, organizations }, { id: account, email: '', organizations: [] })
    const engines = await get(`${prefix}/v1/engines/list`)
    const [first] = JSON.parse(engines.body.toString()) as { id: string }[]
    assert.deepEqual([engines.status, first?.id], [200, 'stable-image-core'])
    for (const path of ['/v1/user/balance', '/v1/user/account', '/v1/engines/list']) {
      const stranger = await get(prefix + path, 'nobody')
      assert.deepEqual([stranger.status, Object.keys(stranger.json())], [401, ['id', 'name', 'errors']])
      const wrong = await house.client.json('POST', prefix + path, {}, { authorization: `Bearer ${secret}` })
      assert.deepEqual([wrong.status, wrong.headers['allow']], [405, 'GET'])
    }
  }
  const { secret: buyer } = await house.key(account, { rights: ['call'] })
  assert.equal((await get('/sd/v1/user/balance', buyer)).status, 403)
  assert.equal((await get('/sd/v1/generation/list')).status, 404)
  assert.deepEqual(
    standIn.calls.map(({ path }) => path),
    ['/v2beta/stable-image/generate/core'],
  )
  await house.balanced()
})
