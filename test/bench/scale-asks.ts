/** Every list and every report of a house, as an operator and as the owner of a key ask for it. */
import { idAt } from '../../src/ids.ts'
import { groupings } from '../../src/ledger/usage.ts'
import { orderOf } from '../../src/ledger/usage-texts.ts'
import { dayMs, dayOf } from '../../src/times.ts'
import type { Filled } from './scale-fill.ts'

export type Ask = { readonly family: string; readonly path: string; readonly door: 'admin' | 'portal' }

const nowMs = Date.now()
const at = (daysAgo: number) => new Date(nowMs - daysAgo * dayMs).toISOString().slice(0, 10)
const month = `&from=${at(40)}&to=${at(10)}`
const ranges = {
  all: '',
  day: `&from=${at(20)}&to=${at(19)}`,
  today: `&from=${at(0)}`,
  month,
  months: `&from=${at(200)}&to=${at(100)}`,
}
const deep = (kind: 'acc' | 'key' | 'call' | 'aud' | 'op') =>
  `&cursor=${Buffer.from(`${idAt(kind, nowMs - 200 * dayMs)}0000000000000000`).toString('base64url')}`

/** Every choice of some words, none and all included. */
function subsets<Word>(words: readonly Word[]): Word[][] {
  const found: Word[][] = [[]]
  for (const word of words) found.push(...found.map((some) => [...some, word]))
  return found
}

function choices(...filters: readonly string[]): string[] {
  return subsets(filters).map((some) => some.join(''))
}

export function asksOf({ busy, quiet }: Filled, oldEntry: string): Ask[] {
  const lists = (path: string, ...queries: readonly string[]) =>
    queries.map((query) => ({
      family: path.replace(/acc_\w+/, ':id'),
      path: `${path}?limit=50${query}`,
      door: 'admin' as const,
    }))
  const owners = [busy, quiet]
  return [
    ...lists(
      '/accounts',
      ...choices('&status=suspended', deep('acc')),
      ...['customer', 'team', 'crm-77', 'Customer 777', '31', 'nobody has this name', busy.account].flatMap((q) =>
        choices('&status=active', deep('acc')).map((more) => `&q=${encodeURIComponent(q)}${more}`),
      ),
      '&q=customer&status=suspended',
    ),
    ...['', '&status=active', '&status=expired', '&status=revoked'].flatMap((status) => [
      ...lists('/keys', ...choices(status, deep('key'))),
      ...owners.flatMap(({ account }) => lists('/keys', `${status}&account=${account}`)),
    ]),
    ...['', '&state=held', '&state=settled', '&state=released'].flatMap((state) => [
      ...['', '&offer=stable-image-core', '&offer=nothing', ...owners.map(({ account }) => `&account=${account}`)]
        .concat(owners.flatMap(({ account, key }) => [`&key=${key}`, `&key=${key}&account=${account}`]))
        .concat(`&account=${busy.account}&offer=stable-image-core`)
        .flatMap((who) => lists('/calls', ...choices(month, deep('call')).map((more) => state + who + more))),
    ]),
    ...owners.flatMap(({ account }) => lists(`/accounts/${account}/entries`, ...choices(month))),
    ...lists(`/accounts/${busy.account}/entries`, `&cursor=${Buffer.from(oldEntry).toString('base64url')}`),
    ...lists(
      '/audit',
      ...choices('&actor=op_bootstrap', '&action=accounts.create', month, deep('aud')),
      `&subject=${busy.account}`,
      '&action=nothing',
    ),
    ...lists('/operators', '', deep('op')),
    ...lists('/offers', '').map((ask) => ({ ...ask, path: '/offers' })),
    ...usageAsks('admin', groupings, busy),
    ...[busy, quiet].flatMap((owner) => usageAsks('admin', groupings, owner, owner.account)),
    ...usageAsks('portal', ['day', 'key', 'offer'], busy, busy.account),
    ...[
      '/calls?limit=50',
      `/calls?limit=50${deep('call')}`,
      '/entries?limit=50',
      `/entries?limit=50${month}`,
      '/keys?limit=50',
    ].map((path) => ({ family: `portal ${path.replace(/\?.*/, '')}`, path, door: 'portal' as const })),
  ]
}

function usageAsks(
  door: Ask['door'],
  by: readonly (typeof groupings)[number][],
  owner: Filled['busy'],
  accountId?: string,
): Ask[] {
  const account = accountId === undefined || door === 'portal' ? '' : `&account=${accountId}`
  return subsets(by).flatMap((some) =>
    Object.entries(ranges).flatMap(([range, query]) => {
      const values = {
        day: dayOf(nowMs - 30 * dayMs),
        account_id: owner.account,
        key_id: owner.key,
        offer: 'stable-image-core',
      }
      const place = [...orderOf({ by: some, accountId }).map((column) => values[column]), 'test']
      const cursor = `&cursor=${Buffer.from(JSON.stringify(place)).toString('base64url')}`
      const grouped = some.length > 0 ? `&group_by=${some}` : ''
      return ['', cursor, '&limit=200', `${cursor}&limit=200`].map((more) => ({
        family: `${door === 'portal' ? 'portal ' : ''}/usage ${accountId === undefined ? 'of all' : 'of one'}, ${range}`,
        path: `/usage?${grouped}${account}${query}${more}`.replace('?&', '?'),
        door,
      }))
    }),
  )
}
