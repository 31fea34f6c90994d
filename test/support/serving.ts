import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { Agent } from 'undici'
import type { Environment } from '../../src/config.ts'
import { type Client, openClient, type Reply } from './client.ts'
import { adminKey } from './house.ts'
import type { Place, Running } from './process.ts'

export type Serving = Running & {
  readonly client: Client
  /** Of another operator's desk: the admin API. */
  admin(method: string, path: string, body?: unknown): Promise<Reply>
  /** Waits until nothing is held any more and fails unless the books balance. */
  balanced(): Promise<void>
}

type Start = { readonly env: Environment; readonly command?: readonly [string, ...string[]]; readonly node?: string[] }

/** A server process started in a way of its own, once it listens. */
export async function serving(t: TestContext, place: Place, { env, ...how }: Start): Promise<Serving> {
  const house = place.begin({ ...how, env: { ADMIN_KEY: adminKey, ...env } })
  const [, origin = ''] = await house.until(/"address":"([^"]+)","msg":"listening"/)
  const agent = new Agent({ connections: 64, pipelining: 1 })
  t.after(() => agent.destroy())
  const client = openClient(origin, agent)
  const admin: Serving['admin'] = (method, path, body) =>
    client.json(method, `/admin/v1${path}`, body, { authorization: `Bearer ${adminKey}` })

  async function balanced(): Promise<void> {
    for (let tries = 1200; ; tries--) {
      const books = (await admin('GET', '/books')).json()
      assert.deepEqual(books['faults'], [])
      assert.equal(books['balanced'], true)
      if (books['open_holds'] === 0) return
      assert.ok(tries > 0, `${books['open_holds']} holds are still open`)
      await new Promise((wake) => setTimeout(wake, 50))
    }
  }

  return { ...house, client, admin, balanced }
}
