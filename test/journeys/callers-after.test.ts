import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { formOf, usualBoundary } from '../support/client.ts'
import { behind, openTestHouse, type TestHouse } from '../support/house.ts'
import { dial, type Raw, rawCall, until } from '../support/raw-client.ts'
import { opened } from '../support/stand-in-client.ts'
import { picture } from '../support/stand-in-picture.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void
const mebibyte = 1024 * 1024

/** Calls with that prompt, on a connection of its own that reads nothing until it is told to. */
async function deaf(t: TestContext, house: TestHouse, secret: string, prompt: string): Promise<Raw> {
  const raw = await dial(t, house.origin, { reading: false })
  raw.send(rawCall(secret, {}, { body: formOf({ prompt }) }).whole)
  return raw
}

async function linesOf(house: TestHouse, client: string, count = 1): Promise<readonly Record<string, unknown>[]> {
  const found = () => house.lines.filter((line) => line['client'] === client)
  await until(`${count} log lines ${client}`, () => found().length >= count)
  return found()
}

for (const [way, leave] of [
  ['hangs up', (raw: Raw) => raw.socket.destroySoon()],
  ['resets', (raw: Raw) => raw.socket.resetAndDestroy()],
] as const) {
  test(`who ${way} while the upstream works is charged by the outcome, and the log says both`, async (t) => {
    const standIn = await opened(t)
    const house = await openTestHouse(t, behind(standIn))
    const account = await house.account(10)
    const { secret } = await house.key(account, { maxConcurrency: 1 })
    const ends = [
      ['ok', { outcome: 'succeeded', reason: 'success', credits: '3', status: 200, delivered: false }],
      ['server-error', { outcome: 'failed', reason: 'upstream_5xx', credits: '0', status: 500, delivered: false }],
    ] as const
    for (const [index, [mode, end]] of ends.entries()) {
      standIn.holdAnswers()
      const raw = await deaf(t, house, secret, `mode:${mode} of one who ${way}`)
      await standIn.waitFor(index + 1)
      leave(raw)
      const other = await house.client.call(secret, { prompt: 'while the first is still at work' })
      assert.equal(other.json()['name'], 'concurrency_limited')
      standIn.letGo()
      const line = (await linesOf(house, 'client_aborted_after_dispatch', index + 1))[index] ?? {}
      const { outcome, reason, credits, status, delivered } = line
      assert.deepEqual({ outcome, reason, credits, status, delivered }, end)
      const row = await house.ended(String(line['call']))
      assert.deepEqual([row['state'], row['reason']], [mode === 'ok' ? 'settled' : 'released', end.reason])
    }
    assert.equal((await house.client.call(secret, { prompt: 'the slot is free' })).status, 200)
    assert.equal((await house.balanceOf(account)).available, 4_000_000)
    await house.atRest()
  })
}

test('who leaves in the middle of the download has paid', async (t) => {
  const standIn = await opened(t)
  const house = await openTestHouse(t, behind(standIn))
  const account = await house.account(10)
  const { secret } = await house.key(account)
  const raw = await deaf(t, house, secret, `mode:ok:${24 * mebibyte}`)
  await new Promise((resolve) => raw.socket.once('data', resolve))
  raw.socket.resetAndDestroy()
  const [line] = await linesOf(house, 'client_aborted_download')
  const { outcome, reason, credits, delivered, level } = line ?? {}
  assert.deepEqual([outcome, reason, credits, delivered, level], ['succeeded', 'success', '3', false, 30])
  assert.equal((await house.balanceOf(account)).available, 7_000_000)
  await house.atRest()
})

test('who stops reading is cut, has paid, and gives back slot and memory', async (t) => {
  const standIn = await opened(t)
  const house = await openTestHouse(t, behind(standIn, { REQUEST_TIMEOUT_MS: '1500' }))
  const account = await house.account(10)
  const { secret } = await house.key(account, { maxConcurrency: 1 })
  await deaf(t, house, secret, `mode:ok:${24 * mebibyte}`)
  const [line] = await linesOf(house, 'client_slow_download')
  const { outcome, reason, credits, delivered } = line ?? {}
  assert.deepEqual([outcome, reason, credits, delivered], ['succeeded', 'success', '3', false])
  assert.equal((await house.client.call(secret, { prompt: 'the slot is free' })).status, 200)
  assert.equal((await house.balanceOf(account)).available, 4_000_000)
  await house.atRest()
})

test('who reads slowly but steadily gets everything, however long it takes', async (t) => {
  const standIn = await opened(t)
  const house = await openTestHouse(t, behind(standIn, { REQUEST_TIMEOUT_MS: '2000' }))
  const { secret } = await house.key(await house.account(10))
  const bytes = 24 * mebibyte
  const raw = await deaf(t, house, secret, `mode:ok:${bytes}`)
  let read = 0
  let sinceRest = 0
  const all = new Promise<void>((resolve, reject) => {
    raw.socket.once('close', () => reject(new Error(`cut after ${read} bytes`)))
    raw.socket.on('data', (chunk: Buffer) => {
      read += chunk.length
      sinceRest += chunk.length
      if (read >= bytes) return resolve()
      if (sinceRest < mebibyte) return
      sinceRest = 0
      raw.socket.pause()
      setTimeout(() => raw.socket.resume(), 150)
    })
  })
  await all
  await until('its log line', () => house.lines.some(({ delivered }) => delivered === true))
  await house.atRest()
})

test('many who stop reading harm nobody else, and their memory comes back', async (t) => {
  const standIn = await opened(t)
  const house = await openTestHouse(t, behind(standIn, { REQUEST_TIMEOUT_MS: '5000' }))
  const { secret } = await house.key(await house.account(1000))
  const stalled = 64
  for (let count = 0; count < stalled; count++) await deaf(t, house, secret, `mode:ok:${4 * mebibyte}`)
  await standIn.waitFor(stalled)
  for (let count = 0; count < 10; count++) {
    assert.equal((await house.client.call(secret, { prompt: `meanwhile ${count}` })).status, 200)
  }
  await until('all are done with', () => house.lines.filter(({ msg }) => msg === 'call').length === stalled + 10)
  const cut = house.lines.filter(({ client }) => client === 'client_slow_download')
  assert.ok(cut.length > 0, 'the kernel cannot have swallowed them all')
  const heldBytes = async () => {
    collect()
    return process.memoryUsage().arrayBuffers
  }
  await until('their answers are out of memory', async () => (await heldBytes()) < 100 * mebibyte)
  assert.equal((await house.balanceOf(String(cut[0]?.['account']))).available, (1000 - 3 * (stalled + 10)) * 1_000_000)
  await house.atRest()
})

test('who gives up waiting and asks again has made two calls, each on its own merits', async (t) => {
  const standIn = await opened(t)
  const house = await openTestHouse(t, behind(standIn))
  const account = await house.account(10)
  const { secret } = await house.key(account)
  standIn.holdAnswers()
  const impatient = new AbortController()
  const first = house.client.call(secret, { prompt: 'the same' }, { signal: impatient.signal })
  await standIn.waitFor(1)
  impatient.abort()
  await assert.rejects(first)
  standIn.letGo()
  assert.equal((await house.client.call(secret, { prompt: 'the same' })).status, 200)
  await linesOf(house, 'client_aborted_after_dispatch')
  assert.equal(standIn.calls.length, 2)
  assert.equal((await house.balanceOf(account)).available, 4_000_000)
  await house.atRest()
})

test('large pictures reach their own callers only, byte for byte, while others read late, leave or never read', async (t) => {
  const standIn = await opened(t)
  const house = await openTestHouse(t, behind(standIn, { REQUEST_TIMEOUT_MS: '20000' }))
  const account = await house.account(10_000)
  const { secret } = await house.key(account)
  // More than the kernel takes at once, so that the house still has it when the others come.
  const vast = 16_000_000
  let calls = 0

  function asked(bytes: number): { form: Buffer; own: Buffer } {
    const form = formOf({ prompt: `mode:ok:${bytes}`, negative_prompt: `picture ${++calls}` })
    return { form, own: picture('png', bytes, createHash('sha256').update(form).digest('hex')) }
  }

  async function reading(sizes: readonly number[]): Promise<void> {
    for (const bytes of sizes) {
      const { form, own } = asked(bytes)
      const reply = await house.client.call(secret, {}, { raw: { bytes: form, boundary: usualBoundary } })
      assert.equal(reply.status, 200)
      assert.ok(reply.body.equals(own), 'a picture is not its own')
    }
  }

  async function leaving(): Promise<void> {
    calls++
    const raw = await deaf(t, house, secret, `mode:ok:${vast}`)
    await new Promise((resolve) => raw.socket.once('data', resolve))
    raw.socket.resetAndDestroy()
  }

  async function readingLate() {
    const { form, own } = asked(vast)
    const raw = await dial(t, house.origin, { reading: false })
    raw.send(rawCall(secret, { connection: 'close' }, { body: form }).whole)
    return async () => {
      const pieces: Buffer[] = []
      raw.socket.on('data', (piece: Buffer) => pieces.push(piece))
      await raw.closed
      assert.ok(Buffer.concat(pieces).subarray(-own.length).equals(own), 'a picture read late is not its own')
    }
  }

  const late = await Promise.all(Array.from({ length: 4 }, readingLate))
  await standIn.waitFor(late.length)
  const sizes = [1_500_000, 200_000, vast, 1_400_000, vast, 1_500_000]
  await Promise.all([...Array.from({ length: 4 }, () => reading(sizes)), leaving(), leaving(), leaving()])
  await Promise.all(late.map((read) => read()))
  await until('all are done with', () => house.lines.filter(({ msg }) => msg === 'call').length === calls)
  await reading(sizes)
  assert.equal((await house.balanceOf(account)).available, (10_000 - 3 * calls) * 1_000_000)
  await house.atRest()
})
