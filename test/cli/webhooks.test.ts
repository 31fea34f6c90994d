import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventNames } from '../../src/webhooks/events.ts'
import { receiver, says } from '../support/receiver.ts'
import { factIn, openDesk } from './desk.ts'

const privately = { WEBHOOK_ALLOW_PRIVATE: 'true' }

test('by CLI alone: a webhook, its secret once, a test that arrives and one that does not, the log, its end', async (t) => {
  const { good: run, tollgate } = await openDesk(t, privately)
  const there = await receiver(t)
  const made = await run('webhooks', 'create', there.url, '--events', 'account.balance_low, key.quota_low')
  const id = String(factIn(made, 'id'))
  const secret = made.stdout.trimEnd().split('\n').at(-1) ?? ''
  assert.match(secret, /^whsec_/)
  assert.match(made.stderr, /shown only now/)
  assert.equal(factIn(made, 'events'), 'account.balance_low,key.quota_low')
  assert.equal(factIn(made, 'enabled'), 'true')

  const arrived = await run('webhooks', 'test', id)
  assert.match(arrived.stdout, /^It arrived: the receiver answered 204\.\n/)
  there.verified(secret)
  there.behave(says(500))
  const lost = await tollgate(['webhooks', 'test', id])
  assert.equal(lost.code, 1)
  assert.match(lost.stdout, /^It did not arrive \(status 500\); it is sent again later\.\n/)
  const told = (await tollgate(['webhooks', 'test', id, '--json'])).json()
  assert.deepEqual([told['webhook_id'], told['event'], told['last_status']], [id, 'webhook.test', 500])

  const log = (await run('webhooks', 'deliveries', id, '--json')).rows()
  assert.deepEqual(
    log.map((row) => row['state']),
    ['pending', 'pending', 'delivered'],
  )
  assert.match((await run('webhooks', 'deliveries', id)).stdout, /^when +id +event +state +tries +status +error/)
  assert.equal(factIn(await run('webhooks', 'disable', id), 'enabled'), 'false')
  assert.equal(factIn(await run('webhooks', 'enable', id), 'enabled'), 'true')
  const list = await run('webhooks', 'list')
  assert.ok(list.stdout.includes(id) && !list.stdout.includes(secret))
  assert.equal((await run('webhooks', 'delete', id)).stdout, `${id} is told nothing any more.\n`)
  assert.equal((await run('webhooks', 'list')).stdout, 'There are none.\n')
})

test('all events can be named at once, and what is no webhook is refused', async (t) => {
  const { good: run, refused } = await openDesk(t)
  const url = 'https://example.com/hooks'
  const made = (await run('webhooks', 'create', url, '--events', 'all', '--json')).json()
  assert.deepEqual(made['events'], eventNames)
  assert.match(await refused(2, ['webhooks', 'create', url]), /--events/)
  assert.match(
    await refused(2, ['webhooks', 'create', url, '--events', 'account.opened']),
    /must be a list with commas/,
  )
  assert.match(await refused(2, ['webhooks', 'test', 'call_1']), /must be an id such as wh_/)
  const privateOne = await refused(1, ['webhooks', 'create', 'https://127.0.0.1/', '--events', 'all'])
  assert.match(privateOne, /url: must not be a private address/)
  assert.match(await refused(1, ['webhooks', 'delete', 'wh_00000000000000000000000000']), /no such webhook/)
})
