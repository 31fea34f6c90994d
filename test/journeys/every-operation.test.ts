import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Compile } from 'typebox/schema'
import { auditRows } from '../support/admin.ts'
import type { Reply } from '../support/client.ts'
import { adminKey, behind, openTestHouse, type TestHouse } from '../support/house.ts'
import { type Document, type Operation, operationsOf, written } from '../support/operations.ts'
import { play, signIn } from '../support/signed-in.ts'
import { opened } from '../support/stand-in-client.ts'

const idOf = (reply: Reply) => String(reply.json()['id'])
const secretOf = (reply: Reply) => String(reply.json()['secret'])

type Did = (operationId: string, reply: Reply) => Reply
type Say = (operationId: string, path: string, body?: unknown) => Promise<Reply>
type Door = { readonly get: Say; readonly post: Say; readonly patch: Say; readonly remove: Say }
type Bought = { readonly account: string; readonly key: string; readonly secret: string; readonly call: string }

/** A door asked with one key, each thing by the operation's own name. */
function doorAt({ client }: TestHouse, prefix: string, secret: string, did: Did): Door {
  const headers = { authorization: `Bearer ${secret}` }
  const by =
    (method: string): Say =>
    async (operationId, path, body) =>
      did(operationId, await client.json(method, prefix + path, body, headers))
  return { get: by('GET'), post: by('POST'), patch: by('PATCH'), remove: by('DELETE') }
}

async function getAll({ get }: Door, paths: Readonly<Record<string, string>>): Promise<void> {
  for (const [operationId, path] of Object.entries(paths)) await get(operationId, path)
}

/** From an account to a call that was given back. */
async function buying(house: TestHouse, { get, post, patch }: Door, did: Did): Promise<Bought> {
  const account = idOf(await post('createAccount', '/accounts', { name: 'Design', external_id: 'crm-1', credits: 5 }))
  await post('grantCredits', `/accounts/${account}/grants`, { credits: 95, reason: 'invoice 7' })
  await patch('updateAccount', `/accounts/${account}`, { max_concurrency: 9, quota: { credits: 90, period: 'month' } })
  const limits = { rate: { calls: 50, window_seconds: 60 }, quota: { credits: 30, period: 'day' }, max_concurrency: 4 }
  const wish = { ...limits, name: 'Ada', offers: ['stable-image-core'], rights: ['call', 'read', 'manage'] }
  const first = idOf(await post('createKey', `/accounts/${account}/keys`, wish))
  await patch('updateKey', `/keys/${first}`, { name: 'Ada L.', allow_ips: ['127.0.0.0/8', '::1'] })
  const rotated = await post('rotateKey', `/keys/${first}/rotate`, { grace_seconds: 60 })
  const [key, secret] = [idOf(rotated), secretOf(rotated)]
  await post('revokeKey', `/keys/${first}/revoke`)
  await patch('updateOffer', '/offers/stable-image-core', { credits: 3.25, reason: 'a margin' })
  const charged = did('stableImageCore', await house.client.call(secret, { prompt: 'x' }))
  const call = String(charged.headers['x-request-id'])
  const failed = await house.client.call(secret, { prompt: 'mode:server-error' })
  assert.equal(failed.status, 500)
  await post('refundCall', `/calls/${call}/refund`, { reason: 'wrong picture' })
  for (const id of [call, String(failed.headers['x-request-id'])]) await get('getCall', `/calls/${id}`)
  return { account, key, secret, call }
}

async function looking(door: Door, { account, key }: Bought): Promise<void> {
  await getAll(door, {
    ...{ listAccounts: '/accounts', getAccount: `/accounts/${account}`, listEntries: `/accounts/${account}/entries` },
    ...{
      getStatement: `/accounts/${account}/statement`,
      listKeys: '/keys',
      getKey: `/keys/${key}`,
      listCalls: '/calls',
    },
    ...{ getUsage: '/usage?group_by=day,account,key,offer', listOffers: '/offers', listChanges: '/audit' },
    ...{ getOffer: '/offers/stable-image-core', getBooks: '/books', getReconciliation: '/reconcile' },
    ...{ getOverview: '/overview', listSettings: '/settings' },
  })
  const [token] = (await door.get('listTokens', '/tokens')).json()['data'] as { id: string }[]
  await door.post('resumeToken', `/tokens/${token?.id}/resume`)
}

async function running({ get, post, patch, remove }: Door): Promise<void> {
  const operator = idOf(await post('createOperator', '/operators', { name: 'Sam', role: 'viewer' }))
  await get('listOperators', '/operators')
  await get('getOperator', `/operators/${operator}`)
  await remove('deleteOperator', `/operators/${operator}`)
  const wish = { url: 'http://127.0.0.1:9/', events: ['key.quota_low'] }
  const webhook = `/webhooks/${idOf(await post('createWebhook', '/webhooks', wish))}`
  await post('testWebhook', `${webhook}/test`)
  await get('getWebhook', webhook)
  await get('listDeliveries', `${webhook}/deliveries`)
  await get('listWebhooks', '/webhooks')
  await patch('updateWebhook', webhook, { enabled: false })
  await remove('deleteWebhook', webhook)
}

async function holding(door: Door, { key, call }: Bought): Promise<void> {
  await getAll(door, {
    ...{ getMe: '/me', listOwnOffers: '/offers', listOwnKeys: '/keys', getOwnKey: `/keys/${key}` },
    ...{ listOwnCalls: '/calls', getOwnCall: `/calls/${call}`, listOwnEntries: '/entries' },
    ...{ getOwnStatement: '/statement', getOwnUsage: '/usage?group_by=day,key,offer' },
  })
  const child = idOf(await door.post('createOwnKey', '/keys', { name: 'a child' }))
  const next = idOf(await door.post('rotateOwnKey', `/keys/${child}/rotate`, {}))
  await door.post('revokeOwnKey', `/keys/${next}/revoke`)
}

async function browsing(house: TestHouse, { secret }: Bought, did: Did): Promise<void> {
  did('signIn', await house.client.json('POST', '/dashboard/session', { key: adminKey }))
  const holder = await signIn(house, secret)
  did('getSession', await holder.ask('GET', '/dashboard/session'))
  did('stableImageCoreFromDashboard', await play(house, { prompt: 'x' }, holder.headers))
  did('signOut', await holder.ask('DELETE', '/dashboard/session'))
}

/** Does everything that can be done, in an order in which it can be done. */
async function tour(house: TestHouse, did: Did): Promise<void> {
  const admin = doorAt(house, '/admin/v1', adminKey, did)
  const bought = await buying(house, admin, did)
  await looking(admin, bought)
  await running(admin)
  await holding(doorAt(house, '/portal/v1', bought.secret, did), bought)
  const lookAlikes = { getBalance: '/user/balance', getAccountLookAlike: '/user/account', listEngines: '/engines/list' }
  await getAll(doorAt(house, '/sd/v1', bought.secret, did), lookAlikes)
  await getAll(doorAt(house, '', 'nobody', did), { getHealth: '/health', getReady: '/ready' })
  await browsing(house, bought, did)
}

/** Fails unless the answer is what the document says, to the last field. */
function conforms(document: Document, operation: Operation, reply: Reply): void {
  const { id, statuses } = operation
  assert.ok(reply.status < 300, `${id}: ${reply.status} ${reply.body}`)
  assert.ok(statuses.includes(reply.status), `${id}: ${reply.status} is not told`)
  const schema = operation.answer(reply.status)
  if (!schema || !String(reply.headers['content-type']).startsWith('application/json')) return
  const [fits, faults] = Compile({ ...schema, components: document.components } as object).Errors(reply.json())
  assert.ok(fits, `${id}: ${JSON.stringify(faults)}`)
  const { properties } = schema.$ref ? (document.components.schemas[schema.$ref.split('/').at(-1) ?? ''] ?? {}) : schema
  if (properties)
    assert.deepEqual(
      Object.keys(reply.json()).filter((name) => !(name in properties)),
      [],
      id,
    )
}

test('every operation of the document can be done, answers what the document says, and leaves one audit row', async (t) => {
  const house = await openTestHouse(t, behind(await opened(t), { WEBHOOK_ALLOW_PRIVATE: 'true' }))
  const { document, operations } = await operationsOf(house)
  const done: string[] = []
  const secrets: string[] = []
  let changes = await auditRows(house)
  await tour(house, (operationId, reply) => {
    const operation = operations.find(({ id }) => id === operationId)
    assert.ok(operation, `${operationId} is not told`)
    conforms(document, operation, reply)
    done.push(operationId)
    // An active token is left as it is when it is resumed.
    if (isChange(operation) && operationId !== 'resumeToken') changes++
    if (reply.status === 201 && 'secret' in reply.json()) secrets.push(secretOf(reply))
    return reply
  })
  assert.deepEqual([...new Set(done)].sort(), operations.map(({ id }) => id).sort())
  assert.equal(await auditRows(house), changes)
  assert.equal(secrets.length, 6)
  const kept = JSON.stringify([...(await written(house))].filter(([table]) => table !== 'webhooks'))
  for (const secret of secrets) assert.ok(!kept.includes(secret) && !JSON.stringify(house.lines).includes(secret))
  await house.balanced()
})

function isChange({ method, path }: Operation): boolean {
  return method !== 'GET' && (path.startsWith('/admin') || path.startsWith('/portal'))
}
