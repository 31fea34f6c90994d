import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { createConfig, lintFromString } from '@redocly/openapi-core'
import { core } from '../../src/catalog/stable-image.ts'
import { Problem, type ProblemName } from '../../src/errors.ts'
import { formOf } from '../support/client.ts'
import { masterToken, openTestHouse, type TestHouse } from '../support/house.ts'
import { portalRoutes } from '../support/portal.ts'

type Json = Readonly<Record<string, unknown>>
type Operation = Json & {
  readonly operationId: string
  readonly responses: Readonly<Record<string, Json>>
  readonly tags: readonly string[]
}

const { method, paths } = core
const sold = paths[0] ?? ''

async function documentOf(house: TestHouse): Promise<Json> {
  return (await house.client.json('GET', '/openapi.json')).json()
}

async function opened(t: TestContext): Promise<{ house: TestHouse; document: Json; operations: Operation[] }> {
  const house = await openTestHouse(t)
  const document = await documentOf(house)
  const operations = Object.values(document['paths'] as Json).flatMap((each) => Object.values(each as Json))
  return { house, document, operations: operations as Operation[] }
}

type Told = { readonly description: string; readonly content?: Readonly<Record<string, Json>> }

/** What a pointer inside the document stands for. */
function resolved(document: Json, value: unknown): Json {
  const pointer = (value as { $ref?: string }).$ref
  if (pointer === undefined) return value as Json
  return pointer
    .slice(2)
    .split('/')
    .reduce((at, step) => at[step] as Json, document)
}

/** Why a rule of the linter is not followed somewhere. */
const allowed: Readonly<Record<string, string>> = {
  '#/paths/~1health/get/responses operation-4xx-response': 'nothing of a health check can be wrong',
  '#/paths/~1ready/get/responses operation-4xx-response': 'nothing of a health check can be wrong',
}

test('the document is valid, and every example in it fits its schema', async (t) => {
  const { document } = await opened(t)
  assert.equal(document['openapi'], '3.1.1')
  const config = await createConfig({ extends: ['recommended-strict'] })
  const source = JSON.stringify(document)
  const found = await lintFromString({ source, absoluteRef: '/openapi.json', config })
  const lines = found.map(({ location, ruleId }) => `${location[0]?.pointer} ${ruleId}`)
  assert.deepEqual(lines.filter((line) => !(line in allowed)).sort(), [])
  assert.deepEqual(lines.sort(), Object.keys(allowed).sort())
})

test('every operation has an id of its own, a tag that is explained, a summary, and examples', async (t) => {
  const { document, operations } = await opened(t)
  const ids = operations.map(({ operationId }) => operationId)
  assert.equal(new Set(ids).size, ids.length)
  const tags = (document['tags'] as { name: string }[]).map(({ name }) => name)
  const grouped = (document['x-tagGroups'] as { tags: string[] }[]).flatMap((group) => group.tags)
  assert.deepEqual(grouped.toSorted(), tags.toSorted())
  for (const operation of operations) {
    const said = operation.operationId
    assert.match(said, /^[a-z][A-Za-z]+$/)
    assert.ok(operation.tags.length === 1 && tags.includes(operation.tags[0] ?? ''), said)
    assert.ok(String(operation['summary'] ?? '').length > 5, said)
    for (const [status, response] of Object.entries(operation.responses)) {
      const { content = {}, description } = resolved(document, response) as Told
      assert.ok(description !== '' && description !== 'Default Response', `${said} ${status}`)
      for (const [type, media] of Object.entries(content)) {
        if (!/json$/.test(type)) continue
        assert.ok('example' in media || 'examples' in media, `${said} ${status} ${type}`)
        assert.ok(!/"(text|string)"/.test(JSON.stringify(media['example'] ?? '')), `${said} has an example of nothing`)
      }
    }
  }
})

test('every route of the portal is described, and asks for an account key or a session', async (t) => {
  const { house, document } = await opened(t)
  const told = document['paths'] as Readonly<Record<string, Readonly<Record<string, Operation>>>>
  const session = { session: [], csrf: [] }
  for (const { method, url } of await portalRoutes(house)) {
    const operation = told[`/portal/v1${url.replace(':id', '{id}')}`]?.[method.toLowerCase()]
    assert.deepEqual(operation?.['security'], [{ accountKey: [] }, session], `${method} ${url}`)
  }
  assert.deepEqual(told['/admin/v1/accounts']?.['post']?.['security'], [{ operatorKey: [] }, session])
  assert.deepEqual(told['/dashboard/session']?.['get']?.['security'], [session])
  assert.deepEqual(told['/dashboard/session']?.['post']?.['security'], [])
  for (const path of ['/health', '/ready']) assert.deepEqual(told[path]?.['get']?.['security'], [])
})

/** What the contract says a paid call may be refused with. */
const refusals: Readonly<Record<number, readonly ProblemName[]>> = {
  400: ['bad_request'],
  401: ['unauthorized'],
  402: ['insufficient_credits'],
  403: ['forbidden', 'account_suspended', 'content_moderation'],
  404: ['not_found'],
  406: ['not_acceptable'],
  408: ['request_timeout'],
  409: ['idempotency_conflict', 'idempotency_in_progress'],
  410: ['replay_gone'],
  413: ['payload_too_large'],
  422: ['unprocessable'],
  429: ['rate_limited', 'concurrency_limited', 'quota_exceeded', 'rate_limit_exceeded'],
  500: ['internal_error'],
  502: ['upstream_error', 'upstream_unreachable'],
  503: ['upstream_unavailable', 'busy', 'ledger_unavailable', 'hold_expired', 'shutting_down'],
  504: ['upstream_timeout'],
}

test('the paid call is told with every refusal, each with the body the house really sends', async (t) => {
  const { house, document } = await opened(t)
  const paid = (document['paths'] as Record<string, Record<string, Operation>>)[sold]?.[method.toLowerCase()]
  assert.ok(paid)
  for (const [status, names] of Object.entries(refusals)) {
    const { content, headers } = resolved(document, paid.responses[status]) as { content: Json; headers: Json }
    const { examples } = content['application/json'] as { examples: Record<string, { value: Json }> }
    for (const name of names) {
      const value = examples[name]?.value
      assert.deepEqual([value?.['name'], Array.isArray(value?.['errors'])], [name, true], name)
      assert.equal(new Problem(name).status, Number(status), name)
    }
    assert.equal('retry-after' in headers, status === '429' || status === '503' || status === '409', status)
  }
  const real = await house.client.call('nobody', { prompt: 'x' })
  const { id, ...told } = real.json()
  assert.deepEqual(Object.keys(told), ['name', 'errors'])
  assert.match(String(id), /^call_/)
  const { headers } = resolved(document, paid.responses['200']) as { headers: Json }
  const ofPaid = ['x-request-id', 'x-credits-charged', 'x-credits-price', 'x-credits-available', 'x-tollgate-mode']
  for (const name of [...ofPaid, 'ratelimit-limit', 'finish-reason', 'seed', 'idempotent-replayed']) {
    assert.ok(name in headers, name)
  }
})

type Form = {
  readonly required: readonly string[]
  readonly properties: Readonly<Record<string, { enum?: string[]; maximum?: number; maxLength?: number }>>
}

test('the form of the paid call is told as the house checks it, value for value', async (t) => {
  const { document } = await opened(t)
  const paid = (document['paths'] as Record<string, Record<string, Operation>>)[sold]?.['post']
  assert.ok(paid)
  const { content } = paid['requestBody'] as { content: { 'multipart/form-data': { schema: Form } } }
  const { required, properties } = content['multipart/form-data'].schema
  assert.deepEqual(required, ['prompt'])
  const faults = (fields: Record<string, string>) => {
    const bytes = formOf(fields)
    let at = 0
    const parts = Object.entries(fields).map(([name, value]) => {
      const start = bytes.indexOf(`\r\n\r\n${value}\r\n`, at) + 4
      at = start
      return { name, filename: undefined, type: undefined, start, end: start + Buffer.byteLength(value) }
    })
    return core.check({ bytes, parts })
  }
  assert.deepEqual(Object.keys(properties).sort(), Object.keys(core.fields).sort())
  for (const [name, { enum: values, maximum, maxLength }] of Object.entries(properties)) {
    const prompt: Record<string, string> = name === 'prompt' ? {} : { prompt: 'x' }
    const most = maximum === undefined ? [] : [String(maximum)]
    const good = [...(values ?? []), ...most, ...(maxLength === undefined ? [] : ['x'.repeat(maxLength)])]
    assert.ok(good.length > 0, name)
    for (const value of good)
      assert.deepEqual(faults({ ...prompt, [name]: value }), [], `${name} ${value.slice(0, 20)}`)
    const beyond = maximum === undefined ? 'x'.repeat((maxLength ?? 10) + 1) : String(maximum + 1)
    assert.equal(faults({ ...prompt, [name]: beyond }).length, 1, name)
  }
})

test('everybody may read the document, it holds no secret, and it is sent again only when it changed', async (t) => {
  const house = await openTestHouse(t, { UPSTREAM_TOKENS: masterToken })
  const first = await house.client.json('GET', '/openapi.json')
  assert.deepEqual(
    [first.status, first.headers['content-type'], first.headers['access-control-allow-origin']],
    [200, 'application/json; charset=utf-8', undefined],
  )
  for (const secret of [masterToken, masterToken.slice(-8), house.folder]) {
    assert.ok(!first.body.toString().includes(secret))
  }
  const tag = String(first.headers['etag'])
  const again = await house.client.json('GET', '/openapi.json', undefined, { 'if-none-match': tag })
  assert.deepEqual([again.status, again.body.length], [304, 0])
  const zipped = await house.client.json('GET', '/openapi.json', undefined, { 'accept-encoding': 'gzip' })
  assert.equal(zipped.headers['content-encoding'], 'gzip')
  assert.ok(zipped.body.length * 3 < first.body.length)
  const other = await openTestHouse(t)
  assert.deepEqual((await other.client.json('GET', '/openapi.json')).body, first.body)
})

test('describing the paid route adds nothing that runs with a call', async (t) => {
  const house = await openTestHouse(t)
  const { secret } = await house.key(await house.account(0), { mode: 'test' })
  const odd = await house.client.call(secret, { prompt: 'x', unknown: 'field' }, { headers: { 'x-odd': '1' } })
  assert.equal(odd.status, 200)
  const wrong = await house.client.call(secret, { prompt: 'x', seed: 'many' })
  assert.deepEqual(wrong.json()['errors'], ['seed: must be a whole number from 0 to 4294967294'])
  await house.balanced()
})
