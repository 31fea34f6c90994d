import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { good, post, refusal, unknownIds } from '../support/admin.ts'
import type { Reply } from '../support/client.ts'
import { faultyBodies } from '../support/faulty.ts'
import { adminKey, behind, openTestHouse, type TestHouse } from '../support/house.ts'
import { behindDoor, type Document, has, type Operation, operationsOf, written } from '../support/operations.ts'
import { managerOf } from '../support/portal.ts'
import { opened } from '../support/stand-in-client.ts'

type Bodies = Readonly<Record<string, string>>
type Bad = {
  readonly house: TestHouse
  readonly document: Document
  /** Those of both doors. */
  readonly operations: readonly Operation[]
  /** The operation's path with an id of something that is there. */
  place(operation: Operation): string
  /** Asks as who may do everything at the operation's door. */
  ask(operation: Operation, path: string, body?: unknown, headers?: Bodies): Promise<Reply>
  /** The same with a body as it stands. */
  send(operation: Operation, text: string | Buffer, type: string): Promise<Reply>
}

/** A house in which there is one of everything, and somebody who may do everything. */
async function opening(t: TestContext): Promise<Bad> {
  const house = await openTestHouse(t, behind(await opened(t)))
  const account = await house.account(50)
  const key = await managerOf(house, account)
  const call = String((await house.client.call(key.secret, { prompt: 'x' })).headers['x-request-id'])
  const operator = String((await post(house, '/operators', { name: 'Sam', role: 'admin' }))['id'])
  const hook = await post(house, '/webhooks', { url: 'https://example.com/', events: ['key.quota_low'] })
  const [token] = good(await house.admin('GET', '/tokens'))['data'] as { id: string }[]
  const ids: Readonly<Record<string, string>> = {
    ...{ accounts: account, keys: key.id, calls: call, operators: operator, webhooks: String(hook['id']) },
    ...{ tokens: token?.id ?? '', offers: 'stable-image-core' },
  }
  const { document, operations } = await operationsOf(house)
  const authorization = ({ path }: Operation) => `Bearer ${path.startsWith('/admin') ? adminKey : key.secret}`
  const place: Bad['place'] = ({ path }) => path.replace('{id}', ids[path.split('/')[3] ?? ''] ?? 'none')
  return {
    ...{ house, document, operations: behindDoor(operations, '/admin/v1', '/portal/v1'), place },
    ask: (operation, path, body, headers = {}) =>
      house.client.json(operation.method, path, body, { authorization: authorization(operation), ...headers }),
    send: (operation, text, type) => {
      const headers = { authorization: authorization(operation), 'content-type': type }
      return house.client.send(operation.method, place(operation), headers, text)
    },
  }
}

const saidOf = ({ method, path }: Operation, about: unknown) => `${method} ${path} ${JSON.stringify(about)}`

/** A refusal that the document tells of. */
function refusedAsTold(operation: Operation, reply: Reply, status: number, name: string): Record<string, unknown> {
  assert.ok(operation.statuses.includes(status), saidOf(operation, status))
  return refusal(reply, status, name)
}

/** A 400 that names the field. */
function names(operation: Operation, reply: Reply, field: string, about: unknown): void {
  const said = `${saidOf(operation, about).slice(0, 300)}: ${reply.body}`
  assert.equal(reply.status, 400, said)
  const { errors } = refusedAsTold(operation, reply, 400, 'bad_request')
  const lines = Array.isArray(errors) ? errors.map(String) : []
  // A fault inside a list is named by its place.
  assert.ok(
    lines.some((line) => line.startsWith(`${field}: `) || line.startsWith(`${field}.`)),
    said,
  )
}

test('every body that does not fit is refused with the field named, and nothing is done', async (t) => {
  const { house, document, operations, place, ask } = await opening(t)
  const before = await written(house)
  let tried = 0
  for (const operation of operations) {
    if (!operation.body) continue
    for (const { body, field } of faultyBodies(document, operation.body, operation.example)) {
      names(operation, await ask(operation, place(operation), body), field, body)
      tried++
    }
  }
  assert.ok(tried > 500, `${tried} bodies`)
  assert.deepEqual(await written(house), before)
})

test('what is no JSON is not read as a body, at any route, and nothing is done', async (t) => {
  const { house, operations, send } = await opening(t)
  const before = await written(house)
  const types = [
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/xml',
  ]
  for (const operation of operations) {
    if (operation.method === 'GET') continue
    const text = JSON.stringify(operation.example ?? {})
    for (const type of [...types, 'application/jsonp', '']) {
      refusal(await send(operation, text, type), 415, 'unsupported_media_type')
    }
    for (const broken of [
      '{',
      `${text}x`,
      '{"name": }',
      'NaN',
      '{"__proto__": {"a": 1}}',
      '{"constructor": {"prototype": {}}}',
    ]) {
      refusal(await send(operation, broken, 'application/json'), 400, 'bad_request')
    }
    const foreign = Buffer.concat([Buffer.from('{"name": "'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')])
    refusal(await send(operation, foreign, 'application/json'), 400, 'bad_request')
    const large = JSON.stringify({ name: 'x'.repeat(1_100_000) })
    refusal(await send(operation, large, 'application/json'), 413, 'payload_too_large')
  }
  assert.deepEqual(await written(house), before)
})

test('a query that is not known, not one word or not in bounds is refused with its name', async (t) => {
  const { house, operations, place, ask } = await opening(t)
  const before = await written(house)
  const wrong: Readonly<Record<string, readonly string[]>> = {
    limit: ['0', '201', '-1', '1.5', '1e2', 'all', '', '050', '%00'],
    from: ['yesterday', '2026-13-01', '2026-02-30', '1700000000', '', "'--"],
    to: ['tomorrow', '2026-13-01', ''],
    month: ['2026-13', '2026-1', 'May', ''],
    day: ['2026-02-30', 'yesterday', ''],
    status: ['gone', ''],
    state: ['gone', ''],
    group_by: ['week', 'day,day', '', 'day;DROP TABLE usage'],
  }
  for (const operation of operations) {
    const path = place(operation)
    const refused = async (query: string, name: string) =>
      names(operation, await ask(operation, `${path}?${query}`, operation.example), name, query)
    await refused('colour=blue', 'colour')
    await refused('__proto__=x', '__proto__')
    for (const { in: where, name } of operation.parameters) {
      if (where !== 'query') continue
      const values = wrong[name] ?? ['', '%00', '%0a', 'x'.repeat(name === 'cursor' ? 600 : 201)]
      for (const value of values) await refused(`${name}=${value}`, name)
      await refused(`${name}=x&${name}=y`, name)
    }
  }
  assert.deepEqual(await written(house), before)
})

test('no cursor can be forged, nor taken from another kind of list', async (t) => {
  const { house, operations, place, ask } = await opening(t)
  const before = await written(house)
  const other = Object.values(unknownIds)
  const forged = ["' OR 1=1 --", 'x', `${unknownIds.acc}\n`, 'acc_', '[]', 'null', '["x",1e999]', '\u0000', ...other]
  const lists = operations.filter((operation) => has(operation, 'cursor'))
  assert.ok(lists.length >= 13)
  for (const operation of lists) {
    const taken: string[] = []
    for (const text of forged) {
      const cursor = Buffer.from(text).toString('base64url')
      const reply = await ask(operation, `${place(operation)}?cursor=${cursor}`)
      // The end of a list that has nothing behind an id of its own kind.
      if (reply.status === 200) taken.push(text.split('_')[0] ?? '')
      else names(operation, reply, 'cursor', text)
    }
    assert.ok(taken.length <= 1 && taken.every((kind) => kind in unknownIds), saidOf(operation, taken))
    for (const cursor of ['%27', 'a%20b', 'YQ==', 'ab.cd']) {
      names(operation, await ask(operation, `${place(operation)}?cursor=${cursor}`), 'cursor', cursor)
    }
  }
  assert.deepEqual(await written(house), before)
})

test('an id that is none, of nobody, or of something else is the same 404 at every route, and nothing is done', async (t) => {
  const { house, operations, ask } = await opening(t)
  const before = await written(house)
  const odd = ['x', "'--", '%00', '..%2f..', 'é'.repeat(40), 'x'.repeat(99), ...Object.values(unknownIds)]
  for (const operation of operations.filter(({ path }) => path.includes('{id}'))) {
    const told = new Set<string>()
    for (const id of [...odd, unknownIds.acc.toUpperCase()]) {
      const path = operation.path.replace('{id}', encodeURI(id).replaceAll('%25', '%'))
      const { request_id: _, ...rest } = refusedAsTold(
        operation,
        await ask(operation, path, operation.example),
        404,
        'not_found',
      )
      told.add(JSON.stringify(rest))
    }
    assert.equal(told.size, 1, saidOf(operation, [...told]))
    const long = operation.path.replace('{id}', 'x'.repeat(300))
    refusal(await ask(operation, long, operation.example), 404, 'not_found')
  }
  assert.deepEqual(await written(house), before)
})

test('whoever names a version that is no more changes nothing, at every route that takes one', async (t) => {
  const { house, operations, place, ask } = await opening(t)
  const before = await written(house)
  const versioned = operations.filter((operation) => has(operation, 'if-match'))
  assert.ok(versioned.length >= 7)
  for (const operation of versioned) {
    for (const stale of ['"999"', 'W/"1"', '1', 'nonsense', '"1', '']) {
      const reply = await ask(operation, place(operation), operation.example, { 'if-match': stale })
      refusedAsTold(operation, reply, 412, 'precondition_failed')
    }
  }
  assert.deepEqual(await written(house), before)
})

test('an Idempotency-Key that cannot be one is refused at every route that takes one, and nothing is done', async (t) => {
  const { house, operations, place, ask } = await opening(t)
  const before = await written(house)
  const keyed = operations.filter((operation) => has(operation, 'idempotency-key'))
  assert.deepEqual(
    keyed.map(({ id }) => id),
    ['grantCredits'],
  )
  for (const operation of keyed) {
    for (const key of ['', ' ', 'x'.repeat(256), 'a b', 'ä', '\t']) {
      const reply = await ask(operation, place(operation), operation.example, { 'idempotency-key': key })
      names(operation, reply, 'idempotency-key', key)
    }
  }
  assert.deepEqual(await written(house), before)
})
