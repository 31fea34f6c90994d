import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mintKey } from '../../src/keys/key.ts'
import { good, post, refusal } from '../support/admin.ts'
import type { Reply } from '../support/client.ts'
import { adminKey, openTestHouse, type TestHouse } from '../support/house.ts'
import { behindDoor, type Operation, operationsOf, written } from '../support/operations.ts'
import { signIn } from '../support/signed-in.ts'

type Refused = readonly [status: number, name: string]
type Door = 'admin' | 'portal' | 'paid' | 'look-alike' | 'playground' | 'session' | 'open'

/** Who asks: what is sent, and why a door is shut to them; undefined where they are let in. */
type Asker = {
  readonly headers: Record<string, string>
  readonly shut: (door: Door, operation: Operation) => Refused | undefined
}

const stranger: Refused = [401, 'unauthorized']
const forbidden: Refused = [403, 'forbidden']
const doors: readonly (readonly [prefix: string, door: Door])[] = [
  ['/admin/v1', 'admin'],
  ['/portal/v1', 'portal'],
  ['/dashboard/playground', 'playground'],
  ['/dashboard/session', 'session'],
  ['/sd/v1', 'look-alike'],
  ['/sd/v2beta', 'paid'],
]

function doorOf({ path }: Operation): Door {
  return doors.find(([prefix]) => path.startsWith(prefix))?.[1] ?? 'open'
}

/** Nobody needs a key to sign in or out, nor where there is nothing to guard. */
function isOpen(door: Door, { method }: Operation): boolean {
  return door === 'open' || (door === 'session' && method !== 'GET')
}

/** What is not a good key is one stranger like another. */
function asStranger(door: Door, operation: Operation): Refused | undefined {
  return isOpen(door, operation) ? undefined : stranger
}

function withKey(secret: unknown, shut: Asker['shut'] = asStranger): Asker {
  return { headers: { authorization: `Bearer ${String(secret)}` }, shut }
}

type Right = 'call' | 'read' | 'manage'

/** What the rights of an account's key open: buying, reading, and changing keys. */
function byRights(rights: readonly Right[]): Asker['shut'] {
  return (door, operation) => {
    if (isOpen(door, operation)) return undefined
    if (door === 'admin' || door === 'session') return stranger
    const needed = door === 'paid' || door === 'playground' ? 'call' : operation.method === 'GET' ? 'read' : 'manage'
    return rights.includes(needed) ? undefined : forbidden
  }
}

/** A good key that may not be used: its holder is known, and told why, at every door for keys of accounts. */
function known(why: Refused): Asker['shut'] {
  return (door, operation) => {
    if (isOpen(door, operation)) return undefined
    return door === 'admin' || door === 'session' ? stranger : why
  }
}

function byRole(role: 'admin' | 'viewer'): Asker['shut'] {
  return (door, operation) => {
    if (door !== 'admin') return asStranger(door, operation)
    return role === 'admin' || operation.method === 'GET' ? undefined : forbidden
  }
}

/** A session is its key at the doors of its kind, nothing at those that take keys only, and forbidden at the others. */
function bySession(own: readonly Door[], shut: Asker['shut']): Asker['shut'] {
  return (door, operation) => {
    if (door === 'session' || isOpen(door, operation)) return undefined
    if (door === 'paid' || door === 'look-alike') return stranger
    return own.includes(door) ? shut(door, operation) : forbidden
  }
}

const unsigned: Asker['shut'] = (door, operation) => {
  if (door === 'session') return operation.method === 'DELETE' ? forbidden : undefined
  if (isOpen(door, operation)) return undefined
  return door === 'paid' || door === 'look-alike' ? stranger : forbidden
}

async function holders(house: TestHouse): Promise<Record<string, Asker>> {
  const [account, sleeping, ended] = [await house.account(5), await house.account(5), await house.account(5)]
  const rights: Right[] = ['call', 'read', 'manage']
  const keyOf = async (id: string, wish: Parameters<typeof house.key>[1] = {}) => house.key(id, { rights, ...wish })
  const revoked = await keyOf(account)
  good(await house.admin('POST', `/keys/${revoked.id}/revoke`))
  const [suspended, closed] = [await keyOf(sleeping), await keyOf(ended)]
  good(await house.admin('PATCH', `/accounts/${sleeping}`, { status: 'suspended' }))
  good(await house.admin('PATCH', `/accounts/${ended}`, { status: 'closed' }))
  const expired = await keyOf(account, { expiresAtMs: Date.now() - 1 })
  const bound = await keyOf(account, { allowIps: ['203.0.113.0/24'] })
  const sets: Right[][] = [['call'], ['read'], ['manage'], ['call', 'read'], rights]
  const each = sets.map(async (set): Promise<[string, Asker]> => {
    return [`a key that may ${set.join(', ')}`, withKey((await keyOf(account, { rights: set })).secret, byRights(set))]
  })
  return {
    ...Object.fromEntries(await Promise.all(each)),
    'a test key': withKey((await keyOf(account, { mode: 'test' })).secret, byRights(rights)),
    'a revoked key': withKey(revoked.secret),
    'an expired key': withKey(expired.secret),
    'a key of a closed account': withKey(closed.secret),
    'a key of a suspended account': withKey(suspended.secret, known([403, 'account_suspended'])),
    'a key bound to another address': withKey(bound.secret, known(forbidden)),
    'a key nobody has': withKey(mintKey('live')),
  }
}

async function operators(house: TestHouse): Promise<Record<string, Asker>> {
  const [viewer, chief, gone] = await Promise.all(
    ['viewer', 'admin', 'admin'].map((role) => post(house, '/operators', { name: 'Sam', role })),
  )
  assert.equal((await house.admin('DELETE', `/operators/${gone?.['id']}`)).status, 204)
  return {
    'a viewer': withKey(viewer?.['secret'], byRole('viewer')),
    'an admin': withKey(chief?.['secret'], byRole('admin')),
    'the bootstrap key': withKey(adminKey, byRole('admin')),
    'a removed operator': withKey(gone?.['secret']),
    'an operator key nobody has': withKey(mintKey('admin')),
  }
}

async function sessions(house: TestHouse): Promise<Record<string, Asker>> {
  const { secret } = await house.key(await house.account(5), { rights: ['read'] })
  const viewer = (await post(house, '/operators', { name: 'Vic', role: 'viewer' }))['secret']
  const holder = await signIn(house, secret)
  const looker = await signIn(house, String(viewer))
  const chief = await signIn(house, adminKey)
  return {
    'a session of a key': { headers: holder.headers, shut: bySession(['portal', 'playground'], byRights(['read'])) },
    'a session of a viewer': { headers: looker.headers, shut: bySession(['admin'], byRole('viewer')) },
    'a session of an admin': { headers: chief.headers, shut: bySession(['admin'], byRole('admin')) },
    'a cookie alone': { headers: { cookie: (await signIn(house, adminKey)).cookie }, shut: unsigned },
    'a cookie of nobody': { headers: { cookie: `tollgate_session=${'x'.repeat(43)}` }, shut: asOver },
  }
}

const asOver: Asker['shut'] = (door, operation) => {
  if (isOpen(door, operation)) return door === 'session' && operation.method === 'DELETE' ? forbidden : undefined
  return door === 'admin' || door === 'portal' || door === 'playground' ? forbidden : stranger
}

const shut = new Set(['unauthorized', 'forbidden', 'account_suspended'])

function mustBe(reply: Reply, wanted: Refused | undefined, door: Door, said: string): void {
  if (wanted === undefined) {
    const name = reply.status === 204 || reply.status === 200 ? '' : String(reply.json()['name'])
    assert.ok(reply.status < 500 && !shut.has(name), `${said}: ${reply.status} ${reply.body}`)
    return
  }
  const [status, name] = wanted
  assert.equal(reply.status, status, `${said}: ${reply.body}`)
  if (door === 'admin' || door === 'portal' || door === 'session') refusal(reply, status, name)
  else {
    const { id, name: told, errors } = reply.json()
    assert.deepEqual([told, Array.isArray(errors)], [name, true], said)
    assert.equal(id, reply.headers['x-request-id'], said)
  }
}

test('at every route each kind of key, role and session may do what it is for, and nothing else changes', async (t) => {
  const house = await openTestHouse(t, { TRUST_PROXY: '1', RATE_LIMIT: '1000/60s' })
  const { operations } = await operationsOf(house)
  const askers: Record<string, Asker> = {
    nobody: { headers: {}, shut: asStranger },
    'what is no key': withKey('tg_live_not-a-key'),
    ...(await holders(house)),
    ...(await operators(house)),
    ...(await sessions(house)),
  }
  const before = await written(house)
  // Signing out comes last, since a session is over then.
  const last = operations.filter(({ id }) => id === 'signOut')
  assert.equal(last.length, 1)
  let asked = 0
  for (const operation of [...operations.filter((each) => !last.includes(each)), ...last]) {
    const door = doorOf(operation)
    for (const [who, { headers, shut }] of Object.entries(askers)) {
      // Each comes from an address of its own, so that nobody is refused for what others tried.
      asked++
      const from = { 'x-forwarded-for': `10.1.${asked >> 8}.${asked & 255}` }
      const path = operation.path.replace('{id}', 'nothing')
      const reply = await house.client.json(operation.method, path, undefined, { ...from, ...headers })
      const wanted = shut(door, operation)
      assert.ok(wanted === undefined || operation.statuses.includes(wanted[0]), `${operation.id} ${wanted}`)
      mustBe(reply, wanted, door, `${operation.method} ${operation.path}, ${who}`)
    }
  }
  assert.ok(operations.length >= 58 && asked === operations.length * Object.keys(askers).length)
  assert.deepEqual(await written(house), before)
  await house.balanced()
})

test('from an address that is not on the list no route of the admin API answers, whoever asks', async (t) => {
  const house = await openTestHouse(t, { ADMIN_ALLOW_IPS: '10.0.0.0/8' })
  const { operations } = await operationsOf(house)
  const before = await written(house)
  for (const { method, path, example } of behindDoor(operations, '/admin/v1')) {
    const ask = (key: string) =>
      house.client.json(method, path.replace('{id}', 'nothing'), example, { authorization: `Bearer ${key}` })
    for (const key of [adminKey, 'nobody']) refusal(await ask(key), 403, 'forbidden', 'closed to this address')
  }
  const signedIn = await house.client.json('POST', '/dashboard/session', { key: adminKey })
  refusal(signedIn, 403, 'forbidden', 'closed to this address')
  assert.deepEqual(await written(house), before)
})

test('every address answers to its own methods alone, and says which they are', async (t) => {
  const house = await openTestHouse(t)
  const { document } = await operationsOf(house)
  for (const [path, told] of Object.entries(document.paths)) {
    const own = Object.keys(told).map((method) => method.toUpperCase())
    // The pages of the dashboard answer to GET at every address below theirs that is not one of its own.
    if (path.startsWith('/dashboard/playground/')) own.push('GET')
    for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'].filter((m) => !own.includes(m))) {
      const reply = await house.client.json(method, path.replace('{id}', 'x'), undefined, {
        authorization: `Bearer ${adminKey}`,
      })
      assert.equal(reply.status, 405, `${method} ${path}`)
      assert.deepEqual(reply.headers['allow']?.split(', '), own.toSorted(), `${method} ${path}`)
      assert.equal(reply.headers['access-control-allow-origin'], undefined)
      if (method !== 'HEAD') assert.equal(reply.json()['name'], 'method_not_allowed', `${method} ${path}`)
    }
  }
})
