import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import type { Environment } from '../../src/config.ts'
import type { Reply } from './client.ts'
import { behind, openTestHouse, type TestHouse } from './house.ts'
import { opened } from './stand-in-client.ts'

/** A house with a stand-in behind it, so that live keys can buy. */
export async function openSelling(t: TestContext, env: Environment = {}): Promise<TestHouse> {
  return openTestHouse(t, behind(await opened(t), env))
}

/** The JSON of an answer that must have that status. */
export function good(reply: Reply, status = 200): Record<string, unknown> {
  assert.equal(reply.status, status, reply.body.toString())
  return reply.json()
}

/** A refusal in the shape of RFC 9457; `about` must stand in its sentence or its list of errors. */
export function refusal(reply: Reply, status: number, name: string, about = ''): Record<string, unknown> {
  assert.equal(reply.status, status, reply.body.toString())
  assert.equal(reply.headers['content-type'], 'application/problem+json; charset=utf-8')
  const problem = reply.json()
  assert.equal(problem['name'], name)
  assert.equal(problem['status'], status)
  assert.equal(problem['request_id'], reply.headers['x-request-id'])
  assert.ok(JSON.stringify([problem['detail'], problem['errors']]).includes(about), reply.body.toString())
  return problem
}

export async function post(house: TestHouse, path: string, body?: unknown): Promise<Record<string, unknown>> {
  return good(await house.admin('POST', path, body), 201)
}

/** The list behind a page. */
export function dataOf(reply: Reply): Record<string, unknown>[] {
  const { data } = good(reply)
  assert.ok(Array.isArray(data))
  return data as Record<string, unknown>[]
}

/** All pages of a list, read by following cursors. */
export async function everything(house: TestHouse, path: string, limit: number): Promise<Record<string, unknown>[]> {
  const found: Record<string, unknown>[] = []
  for (let cursor = ''; ; ) {
    const reply = await house.admin('GET', `${path}${path.includes('?') ? '&' : '?'}limit=${limit}${cursor}`)
    const data = dataOf(reply)
    assert.ok(data.length <= limit)
    found.push(...data)
    const next = reply.json()['next_cursor']
    if (next === null) return found
    assert.equal(data.length, limit)
    cursor = `&cursor=${String(next)}`
  }
}

/** How many audit rows there are. */
export async function auditRows(house: TestHouse): Promise<number> {
  const [row] = await house.store.read('SELECT count(*) AS rows FROM audit')
  return Number(row?.['rows'])
}

export const unknownIds = {
  acc: 'acc_00000000000000000000000000',
  key: 'key_00000000000000000000000000',
  call: 'call_00000000000000000000000000',
  op: 'op_00000000000000000000000000',
} as const
