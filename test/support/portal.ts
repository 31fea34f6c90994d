import Fastify from 'fastify'
import { openAccounts } from '../../src/accounts/accounts.ts'
import { openCatalog } from '../../src/catalog/catalog.ts'
import { openKeys } from '../../src/keys/keys.ts'
import { openFailures } from '../../src/limits/failures.ts'
import { openWindows } from '../../src/limits/rate.ts'
import { openSlots } from '../../src/limits/slots.ts'
import { type PortalRooms, portal } from '../../src/portal/portal.ts'
import type { Reply } from './client.ts'
import type { TestHouse } from './house.ts'

export type Ask = (
  method: string,
  path: string,
  body?: unknown,
  headers?: Readonly<Record<string, string>>,
) => Promise<Reply>

/** Asks the portal with one key. */
export function portalOf(house: TestHouse, secret: string): Ask {
  return (method, path, body, headers = {}) =>
    house.client.json(method, `/portal/v1${path}`, body, { authorization: `Bearer ${secret}`, ...headers })
}

/** A key that may do everything in its account. */
export async function managerOf(house: TestHouse, accountId: string): Promise<{ id: string; secret: string }> {
  return house.key(accountId, { name: 'the manager', rights: ['call', 'read', 'manage'] })
}

export type Route = { readonly method: string; readonly url: string }

/** Every route the portal has. */
export async function portalRoutes({ store }: TestHouse): Promise<readonly Route[]> {
  const routes: Route[] = []
  const app = Fastify({ exposeHeadRoutes: false })
  app.addHook('onRoute', ({ method, url }) => {
    for (const each of [method].flat()) routes.push({ method: each, url })
  })
  const rooms: PortalRooms = {
    ...{ store, accounts: openAccounts(store), keys: openKeys(store, 0), catalog: await openCatalog(store) },
    ...{ failures: openFailures(), windows: openWindows(), slots: openSlots() },
    settings: { rateLimit: { calls: 60, windowMs: 60_000 } },
  }
  await app.register(portal, rooms)
  await app.ready()
  await app.close()
  return routes
}
