import assert from 'node:assert/strict'
import { request } from 'node:http'
import { millionths } from '../../src/credits.ts'
import { keeping } from '../../src/upstream/token-balances.ts'
import { corePath } from './client.ts'
import type { TestHouse } from './house.ts'

/**
 * Calls of every kind, so that no metric stands still: good, filtered, failed and lost ones, refusals, a replay, one
 * of the sandbox, a caller who leaves in the middle of the upload, and a look at the upstream's balance.
 */
export async function load(house: TestHouse, prompts: readonly string[] = usual): Promise<void> {
  const account = await house.account(1000)
  const { secret } = await house.key(account)
  const { secret: test } = await house.key(account, { mode: 'test' })
  const again = { headers: { 'idempotency-key': 'one' } }
  await Promise.all(prompts.map((prompt) => house.client.call(secret, { prompt })))
  await house.client.call(secret, { prompt: 'twice' }, again)
  await house.client.call(secret, { prompt: 'twice' }, again)
  await house.client.call(secret, { prompt: 'x', seed: 'many' })
  await house.client.call('nobody', { prompt: 'x' })
  await house.client.call(test, { prompt: 'x' })
  await leave(house, secret)
  const tokenId = String(
    (await house.store.read('SELECT token_id FROM calls WHERE mode = $1', ['live']))[0]?.['token_id'],
  )
  const reading = { atMs: Date.now(), askedAtMs: Date.now(), credits: millionths(417_500_000) }
  await house.store.write([keeping(tokenId, reading)])
}

const usual = [
  'a lighthouse',
  'a harbour',
  'mode:status-500',
  'mode:status-400',
  'mode:reset-mid-body',
  'mode:content-filtered',
]

/** A caller who goes in the middle of the upload. */
async function leave({ origin, lines }: TestHouse, secret: string): Promise<void> {
  const headers = {
    authorization: `Bearer ${secret}`,
    'content-type': 'multipart/form-data; boundary=b',
    'content-length': 1000,
  }
  const call = request(origin + corePath, { method: 'POST', headers })
  call.on('error', () => undefined)
  call.write('--b\r\n')
  await new Promise((wake) => call.once('socket', (socket) => socket.once('connect', () => setTimeout(wake, 50))))
  call.destroy()
  for (let tries = 500; !lines.some((line) => line['client'] === 'client_aborted_upload'); tries--) {
    assert.ok(tries > 0, 'nobody saw the caller leave')
    await new Promise((wake) => setTimeout(wake, 10))
  }
}
