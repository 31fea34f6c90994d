import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { notes } from '../../src/audit/audit.ts'
import { type DeliverRooms, startDelivering } from '../../src/chores/deliver.ts'
import { idAt } from '../../src/ids.ts'
import { openLog } from '../../src/log.ts'
import type { Store } from '../../src/store/store.ts'
import { type Delivery, openDeliveries } from '../../src/webhooks/deliveries.ts'
import { openSender } from '../../src/webhooks/sender.ts'
import { openWebhooks } from '../../src/webhooks/webhooks.ts'
import { until } from '../support/raw-client.ts'
import { receiver, says } from '../support/receiver.ts'
import { forEachStore, type Place } from '../support/stores.ts'

const message = { type: 'books.imbalance', data: { imbalance: '3' } } as const

type Haste = Pick<DeliverRooms, 'schedule' | 'atOnce'> & { readonly timeoutMs?: number }

/** What one process needs to send, with short waits. */
function post(t: TestContext, store: Store, { timeoutMs = 1000, ...haste }: Haste = {}) {
  const lines: string[] = []
  const log = openLog('trace', false, { write: (line) => void lines.push(line) })
  const webhooks = openWebhooks(store, true)
  const deliveries = openDeliveries(store)
  const sender = openSender({ allowPrivate: true, timeoutMs })
  const start = () => {
    const delivering = startDelivering({ store, webhooks, deliveries, sender, log, everyMs: 10, ...haste })
    t.after(delivering.close)
    return delivering
  }

  async function webhook(url: string): Promise<{ id: string; secret: string }> {
    const { id, secret, unit } = webhooks.creating({ url, events: ['books.imbalance'] })
    assert.equal((await store.write(unit)).refused, undefined)
    return { id, secret }
  }

  async function queue(count = 1): Promise<void> {
    for (let done = 0; done < count; done++) await store.write(await deliveries.queueing(message))
  }

  async function ended(webhookId: string, count = 1): Promise<readonly Delivery[]> {
    let found: readonly Delivery[] = []
    await until('the deliveries have ended', async () => {
      found = await deliveries.list(webhookId, 200)
      return found.length >= count && found.every(({ state }) => state !== 'pending')
    })
    return found
  }

  return { lines, webhooks, deliveries, start, webhook, queue, ended }
}

async function opened(t: TestContext, open: (t: TestContext) => Promise<Place>, haste: Haste = {}) {
  const place = await open(t)
  return { place, ...post(t, place.store, haste) }
}

forEachStore((name, open) => {
  test(`${name}: what is queued arrives signed, once at each webhook that asked for it`, async (t) => {
    const { place, webhooks, start, webhook, queue, ended } = await opened(t, open)
    const [one, other, deaf] = [await receiver(t), await receiver(t), await receiver(t)]
    const [first, second] = [await webhook(one.url), await webhook(other.url)]
    const uninterested = webhooks.creating({ url: deaf.url, events: ['token.state_changed'] })
    await place.store.write(uninterested.unit)
    await queue()
    start()
    for (const [there, { id, secret }] of [
      [one, first],
      [other, second],
    ] as const) {
      await there.waitFor(1)
      there.verified(secret)
      const [delivery] = await ended(id)
      assert.deepEqual([delivery?.state, delivery?.attempts, delivery?.lastStatus], ['delivered', 1, 204])
      assert.equal(delivery?.id, there.letters[0]?.headers['webhook-id'])
      assert.equal(there.letters.length, 1)
    }
    assert.deepEqual(JSON.parse(one.letters[0]?.body ?? '').data, message.data)
    assert.equal(deaf.letters.length, 0)
  })

  test(`${name}: a failure is sent again under the same id, later each time, until it arrives`, async (t) => {
    const { start, webhook, queue, ended, deliveries } = await opened(t, open, { schedule: [50, 200, 60_000] })
    const there = await receiver(t, says(500))
    const { id, secret } = await webhook(there.url)
    await queue()
    start()
    await there.waitFor(2)
    there.behave(says(200))
    const [delivery] = await ended(id)
    assert.deepEqual([delivery?.state, delivery?.attempts, delivery?.lastError], ['delivered', 3, null])
    const [first, second, third] = there.letters
    assert.ok(first && second && third && there.letters.length === 3)
    there.verified(secret)
    assert.equal(new Set(there.letters.map(({ headers }) => headers['webhook-id'])).size, 1)
    assert.ok(second.atMs - first.atMs >= 50 && third.atMs - second.atMs >= 200)
    assert.deepEqual(await deliveries.due(), [])
  })

  test(`${name}: after the last try a delivery has failed, and its word says why`, async (t) => {
    const { start, webhook, queue, ended, lines } = await opened(t, open, { schedule: [10, 10] })
    const there = await receiver(t, says(503))
    const { id } = await webhook(`${there.url}?in=CANARY-of-the-receiver`)
    await queue()
    start()
    const [delivery] = await ended(id)
    assert.deepEqual([delivery?.state, delivery?.attempts, delivery?.lastStatus], ['failed', 3, 503])
    assert.equal(delivery?.lastError, 'status')
    assert.equal(delivery?.nextAtMs, null)
    assert.ok(delivery?.endedAtMs)
    await until('it is logged', () => lines.some((line) => line.includes('failed for good') && line.includes(id)))
    assert.ok(lines.every((line) => !line.includes('CANARY')))
  })

  test(`${name}: 410 disables the webhook, gives up what waits for it, and is in the audit`, async (t) => {
    const { place, webhooks, start, webhook, queue, ended } = await opened(t, open)
    const there = await receiver(t, says(410))
    const { id } = await webhook(there.url)
    await queue(3)
    start()
    const found = await ended(id, 3)
    const errors = found.map(({ state, lastError }) => `${state} ${lastError}`)
    assert.deepEqual(errors.sort(), ['failed disabled', 'failed disabled', 'failed gone'])
    assert.equal(there.letters.length, 1)
    const { enabled, version } = await webhooks.get(id)
    assert.deepEqual([enabled, version], [false, 2])
    const [told] = await notes(place.store, { subject: id, limit: 5 })
    assert.deepEqual([told?.actor, told?.action], ['house', 'webhooks.disable'])
    await queue()
    assert.equal((await ended(id, 3)).length, 3)
  })

  test(`${name}: two replicas send each delivery once`, async (t) => {
    const { place, webhooks, deliveries, webhook, queue, ended, start } = await opened(t, open)
    const again = post(t, await place.again())
    const theres = await Promise.all([1, 2, 3, 4, 5, 6].map(() => receiver(t)))
    const ids = await Promise.all(theres.map(async ({ url }) => (await webhook(url)).id))
    await queue(10)
    start()
    again.start()
    for (const id of ids) {
      const found = await ended(id, 10)
      assert.ok(found.every(({ state, attempts }) => state === 'delivered' && attempts === 1))
    }
    for (const { letters } of theres) {
      assert.equal(letters.length, 10)
      assert.equal(new Set(letters.map(({ headers }) => headers['webhook-id'])).size, 10)
    }
    assert.deepEqual(await deliveries.due(), [])
    assert.equal((await webhooks.list(10)).length, 6)
  })

  test(`${name}: what a dead replica was sending is sent by another once its lease is over`, async (t) => {
    const { place, deliveries, webhook, queue, start, ended } = await opened(t, open)
    const there = await receiver(t)
    const { id } = await webhook(there.url)
    await queue()
    const [due] = await deliveries.due()
    assert.ok(due && (await deliveries.take(due, 60_000)))
    assert.equal(await deliveries.take(due, 60_000), undefined)
    assert.deepEqual(await deliveries.due(), [])
    await place.store.write([{ sql: 'UPDATE deliveries SET next_at = 0', params: [] }])
    start()
    const [delivery] = await ended(id)
    assert.deepEqual([delivery?.state, delivery?.attempts, there.letters.length], ['delivered', 2, 1])
  })

  test(`${name}: the end of a lease that was lost changes nothing`, async (t) => {
    const { place, deliveries, webhook, queue } = await opened(t, open)
    const { id } = await webhook('http://127.0.0.1:9/')
    await queue()
    const [due] = await deliveries.due()
    const late = due && (await deliveries.take(due, 60_000))
    assert.ok(late)
    await place.store.write([{ sql: 'UPDATE deliveries SET next_at = 0', params: [] }])
    const [anew] = await deliveries.due()
    assert.ok(anew && (await deliveries.take(anew, 60_000)))
    const end = { state: 'failed', status: 500, error: 'status', waitMs: 0 } as const
    await place.store.write([deliveries.ending(late, end), deliveries.givingBack(late)])
    const [delivery] = await deliveries.list(id, 1)
    assert.deepEqual([delivery?.state, delivery?.attempts], ['pending', 2])
  })

  test(`${name}: rows of thirty days ago are removed, in small batches and by their age alone`, async (t) => {
    const { place, deliveries, webhook } = await opened(t, open)
    const { id } = await webhook('http://127.0.0.1:9/')
    const now = Date.now()
    for (let days = 28; days < 34; days++) {
      const sql = `INSERT INTO deliveries (id, webhook_id, event, body, state, attempts, next_at, created_at)
        VALUES ($1, $2, 'books.imbalance', '{}', 'failed', 1, 0, 0)`
      await place.store.write([{ sql, params: [`${idAt('msg', now - days * 86_400_000)}${'0'.repeat(16)}`, id] }])
    }
    const oldest = idAt('msg', now - 30 * 86_400_000)
    assert.equal(await deliveries.forget(oldest, 2), 2)
    assert.equal(await deliveries.forget(oldest, 2), 1)
    assert.equal(await deliveries.forget(oldest, 2), 0)
    assert.equal((await deliveries.list(id, 10)).length, 3)
  })

  test(`${name}: a receiver that hangs holds up none but itself, though much waits for it`, async (t) => {
    const { deliveries, webhook, queue, start, ended } = await opened(t, open, { timeoutMs: 20_000, atOnce: 2 })
    const [slow, quick] = [await receiver(t, () => undefined), await receiver(t)]
    const { id } = await webhook(slow.url)
    await queue(20)
    const { id: other } = await webhook(quick.url)
    await queue(5)
    const delivering = start()
    await ended(other, 5)
    assert.equal(slow.letters.length, 1)
    await delivering.close()
    const waiting = await deliveries.list(id, 50)
    assert.equal(waiting.length, 25)
    assert.ok(waiting.every(({ state, attempts }) => state === 'pending' && attempts === 0))
  })

  test(`${name}: with more slow receivers than hands everybody still has a turn`, async (t) => {
    const haste = { timeoutMs: 100, atOnce: 2, schedule: [10, 10, 10, 10, 10, 10, 10, 10] }
    const { webhook, queue, start, ended } = await opened(t, open, haste)
    const slow = await Promise.all([1, 2, 3, 4].map(() => receiver(t, () => undefined)))
    for (const { url } of slow) await webhook(url)
    await queue(5)
    const quick = await receiver(t)
    const { id } = await webhook(quick.url)
    await queue(3)
    start()
    assert.ok((await ended(id, 3)).every(({ attempts }) => attempts === 1))
    assert.ok(slow.every(({ letters }) => letters.length < 12))
  })
})
