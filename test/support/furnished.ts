import type { TestContext } from 'node:test'
import { good, post } from './admin.ts'
import { behind, openTestHouse, type TestHouse } from './house.ts'
import { opened } from './stand-in-client.ts'

export type Furnished = {
  readonly house: TestHouse
  readonly account: string
  readonly key: { readonly id: string; readonly secret: string }
  /** A call that was charged. */
  readonly call: string
  readonly webhook: string
}

/** A house in which every page of the dashboard has something to show, with one name for everything that has a name. */
export async function openFurnished(t: TestContext, name: string): Promise<Furnished> {
  const house = await openTestHouse(t, behind(await opened(t), { WEBHOOK_ALLOW_PRIVATE: 'true' }))
  const { id: account } = await post(house, '/accounts', { name, external_id: name, credits: 20 })
  const rights = ['call', 'read', 'manage']
  const limits = {
    rate: { calls: 50, window_seconds: 60 },
    quota: { credits: 30, period: 'month' },
    max_concurrency: 3,
  }
  const key = await post(house, `/accounts/${account}/keys`, { name, rights, ...limits })
  const secret = String(key['secret'])
  const call = await house.client.call(secret, { prompt: name })
  const refunded = await house.client.call(secret, { prompt: name })
  await house.client.call(secret, { prompt: 'mode:status-500' })
  await post(house, `/calls/${refunded.headers['x-request-id']}/refund`, { reason: name })
  await post(house, `/accounts/${account}/grants`, { credits: 1, reason: name })
  await post(house, '/operators', { name, role: 'viewer' })
  const hook = { url: `http://127.0.0.1:9/${encodeURIComponent(name)}`, events: ['token.state_changed'] }
  const webhook = await post(house, '/webhooks', hook)
  good(await house.admin('GET', '/books'))
  return {
    house,
    account: String(account),
    key: { id: String(key['id']), secret },
    call: String(call.headers['x-request-id']),
    webhook: String(webhook['id']),
  }
}

/** Every page of an operator, by what the address says. */
export function operatorPages({ account, call, webhook }: Furnished): readonly string[] {
  const lists = ['accounts', 'keys', 'calls', 'offers', 'tokens', 'webhooks', 'audit', 'operators', 'settings']
  return ['', ...lists, `accounts/${account}`, `calls/${call}`, `webhooks/${webhook}`, 'nowhere']
}

/** Every page of who holds a key. */
export function holderPages({ call }: Furnished): readonly string[] {
  return ['', 'playground', 'calls', 'keys', 'statements', `calls/${call}`, 'nowhere']
}
