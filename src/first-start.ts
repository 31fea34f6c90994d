import type { Accounts } from './accounts/accounts.ts'
import { note } from './audit/audit.ts'
import { digestOf, hintOf, mintKey } from './keys/key.ts'
import type { Keys } from './keys/keys.ts'
import type { Operators } from './operators/operators.ts'
import type { Store } from './store/store.ts'

export type FirstStart = {
  /** The operator key minted now; told once. */
  readonly adminKey: string | undefined
  /** The demo account's test key minted now; told once. */
  readonly demoKey: string | undefined
}

type Rooms = { readonly store: Store; readonly accounts: Accounts; readonly keys: Keys; readonly operators: Operators }

/** What an empty database gets: an operator key unless one is set, and in sandbox mode a `demo` account with a test key. */
export async function firstStart(rooms: Rooms, adminKeySet: boolean, sandboxMode: boolean): Promise<FirstStart> {
  const empty = (await rooms.store.read('SELECT id FROM accounts LIMIT 1')).length === 0
  const adminKey = !adminKeySet && !(await rooms.operators.any()) ? await mintOperator(rooms) : undefined
  return { adminKey, demoKey: empty && sandboxMode ? await makeDemo(rooms) : undefined }
}

async function mintOperator({ store, operators }: Rooms): Promise<string> {
  const secret = mintKey('admin')
  const { id, unit } = operators.adding('first operator', 'admin', digestOf(secret), hintOf(secret))
  await store.write([...unit, note('first start', 'operators.create', id, undefined, { name: 'first operator' })])
  return secret
}

async function makeDemo({ store, accounts, keys }: Rooms): Promise<string> {
  const account = accounts.creating('demo', 'demo')
  const key = keys.issuing(account.id, { name: 'demo', mode: 'test' })
  const told = note('first start', 'accounts.create', account.id, undefined, { name: 'demo' })
  await store.write([...account.unit, ...key.unit, told])
  return key.secret
}
