import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Environment } from '../../src/config.ts'
import type { Reply } from './client.ts'
import { behind, masterToken, openTestHouse, type TestHouse } from './house.ts'
import type { StandIn } from './stand-in.ts'
import { opened } from './stand-in-client.ts'
import type { Call } from './stand-in-request.ts'

export const accepts = ['image/*', 'application/json'] as const
export type Accept = (typeof accepts)[number]

/** What a call has to come to. Without a `name` it is a success: charged, and the answer itself is the reply. */
export type Case = {
  readonly mode: string
  readonly status: number
  readonly name?: string
  readonly outcome: 'succeeded' | 'filtered' | 'failed' | 'unknown'
  readonly reason: string
  readonly mayBill?: boolean
  readonly level: 'info' | 'warn' | 'error'
  /** Absent where no head of an answer was read. */
  readonly upstream?: number
  readonly retryAfter?: string
  /** Only for callers who ask for this; both if absent. */
  readonly accept?: Accept
  readonly fields?: Readonly<Record<string, string>>
  readonly warning?: string
}

type Expected = Omit<Case, 'mode'>

/** One row per mode, all with the same expectation. */
export function each(expected: Expected, ...modes: string[]): Case[] {
  return modes.map((mode) => ({ mode, ...expected }))
}

/** Time-outs short enough for tests, in the order the settings want. */
export const shortTimes: Environment = {
  UPSTREAM_CONNECT_TIMEOUT_MS: '300',
  UPSTREAM_HEADERS_TIMEOUT_MS: '600',
  UPSTREAM_BODY_TIMEOUT_MS: '600',
  UPSTREAM_DEADLINE_MS: '2500',
  ANSWER_LIMIT_BYTES: '4194304',
  QUEUE_WAIT_MS: '0',
}

/** A test with a subtest per row and accept, all in one house whose books balance at the end. */
export function table(title: string, rows: readonly Case[], env: Environment = {}): void {
  test(title, { concurrency: 12 }, async (t) => {
    const standIn = await opened(t)
    const house = await openTestHouse(t, behind(standIn, { ...shortTimes, ...env }))
    const runs = rows.flatMap((row) =>
      accepts
        .filter((accept) => row.accept === undefined || row.accept === accept)
        .map((accept) => t.test(promiseOf(row, accept), async () => void (await proven(house, standIn, row, accept)))),
    )
    await Promise.all(runs)
    await house.balanced()
  })
}

function promiseOf({ mode, status, name, fields }: Case, accept: string): string {
  const asked = fields ? ` and ${JSON.stringify(fields)}` : ''
  const money = name === undefined ? 'is charged once' : `is ${name} and costs nothing`
  return `${mode}, asked for ${accept}${asked}: ${status} ${money}`
}

let serial = 0

/** Makes one call with an account of its own and checks reply, receipt, row, log line and what the upstream saw. */
export async function proven(house: TestHouse, standIn: StandIn, row: Case, accept: Accept): Promise<Reply> {
  const { secret } = await house.key(await house.account(10))
  const prompt = `mode:${row.mode} number ${++serial}`
  const reply = await house.client.call(secret, { prompt, ...row.fields }, { accept })
  assert.equal(reply.status, row.status, reply.body.toString('latin1', 0, 300))
  checkReceipt(reply, row)
  const seen = standIn.calls.filter((call) => call.prompt === prompt || !call.complete)
  if (row.name === undefined) checkSuccess(reply, accept)
  else checkRefusal(reply, row.name)
  await checkRow(house, reply, row)
  await checkLine(house, reply, row)
  assert.equal(seen.filter((call) => call.prompt === prompt).length, 1, 'the upstream saw it once')
  return reply
}

function checkReceipt({ headers }: Reply, { name, retryAfter }: Case): void {
  assert.match(headers['x-request-id'] ?? '', /^call_[0-9a-z]{26}$/)
  assert.equal(headers['x-credits-price'], '3')
  assert.equal(headers['x-credits-charged'], name === undefined ? '3' : '0')
  assert.equal(headers['x-credits-available'], name === undefined ? '7' : '10')
  assert.equal(headers['cache-control'], 'no-store')
  assert.equal(headers['x-content-type-options'], 'nosniff')
  assert.equal(headers['retry-after'], retryAfter)
  checkOwnHeaders(headers)
}

const ours = new Set([
  ...['x-request-id', 'x-credits-price', 'x-credits-charged', 'x-credits-available', 'cache-control'],
  ...['x-content-type-options', 'retry-after', 'content-type', 'content-length', 'finish-reason', 'seed'],
  ...['ratelimit-limit', 'ratelimit-remaining', 'ratelimit-reset', 'date', 'connection', 'keep-alive'],
  ...['content-security-policy', 'referrer-policy', 'cross-origin-resource-policy'],
])

/** Fails on any header that is neither of ours nor one of the three that are let back. */
export function checkOwnHeaders(headers: Reply['headers']): void {
  assert.deepEqual(
    Object.keys(headers).filter((name) => !ours.has(name)),
    [],
  )
  assert.ok(!JSON.stringify(headers).includes(masterToken))
}

function checkSuccess({ headers, body }: Reply, accept: Accept): void {
  assert.match(headers['content-type'] ?? '', accept === 'image/*' ? /^image\/(png|jpeg|webp)$/ : /^application\/json/)
  assert.ok(body.length > 100)
}

/** The error dialect of the paid routes. */
export function checkRefusal(reply: Reply, name: string): void {
  assert.equal(reply.headers['content-type'], 'application/json; charset=utf-8')
  const told = reply.json()
  assert.deepEqual(Object.keys(told), ['id', 'name', 'errors'])
  assert.equal(told['id'], reply.headers['x-request-id'])
  assert.equal(told['name'], name)
  const errors = told['errors']
  assert.ok(Array.isArray(errors) && errors.length >= 1 && errors.length <= 5)
  for (const error of errors) assert.ok(typeof error === 'string' && error.length >= 1 && error.length <= 500)
  assert.ok(!reply.body.includes(masterToken))
}

async function checkRow(house: TestHouse, { headers, body }: Reply, row: Case): Promise<void> {
  const paid = row.name === undefined
  const found = await house.ended(headers['x-request-id'] ?? '')
  const { state, outcome, reason, upstream_may_bill, status, upstream_status, credits, price, bytes_out } = found
  assert.deepEqual(
    { state, outcome, reason, upstream_may_bill, status, upstream_status, credits, price, bytes_out },
    {
      state: paid ? 'settled' : 'released',
      outcome: row.outcome,
      reason: row.reason,
      upstream_may_bill: row.mayBill ? 1 : 0,
      status: row.status,
      upstream_status: row.upstream ?? null,
      credits: paid ? 3_000_000 : 0,
      price: 3_000_000,
      bytes_out: paid ? body.length : 0,
    },
  )
  const attempts = attemptsOf(found)
  assert.equal(attempts.length, 1)
  assert.match(String(found['token_id']), /^tok_[0-9a-f]{20}$/)
  assert.equal(attempts[0]?.tokenId, found['token_id'])
}

export type Try = { readonly tokenId: string; readonly status: number; readonly reason: string }

/** The tries at the upstream that a call's row tells of. */
export function attemptsOf(row: Readonly<Record<string, unknown>>): Try[] {
  return JSON.parse(String(row['attempts'])) as Try[]
}

const levels = { info: 30, warn: 40, error: 50 }

async function checkLine(house: TestHouse, { headers, status }: Reply, row: Case): Promise<void> {
  const line = await lineOf(house, headers['x-request-id'] ?? '')
  assert.equal(line['level'], levels[row.level])
  assert.equal(line['outcome'], row.outcome)
  assert.equal(line['reason'], row.reason)
  assert.equal(line['status'], status)
  assert.equal(line['warning'], row.warning)
}

/** The one line of a call, which is written right after its reply. */
export async function lineOf(house: TestHouse, callId: string): Promise<Readonly<Record<string, unknown>>> {
  for (let tries = 300; tries > 0; tries--) {
    const [line, ...more] = house.lines.filter((each) => each['msg'] === 'call' && each['call'] === callId)
    assert.equal(more.length, 0, 'a call has one line')
    if (line) return line
    await new Promise((wake) => setTimeout(wake, 10))
  }
  throw new Error(`no line for ${callId}`)
}

/** What the upstream saw last. */
export function lastOf(standIn: StandIn): Call {
  const call = standIn.calls.at(-1)
  assert.ok(call)
  return call
}
