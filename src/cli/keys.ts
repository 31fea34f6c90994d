import type { Command } from 'commander'
import type { Environment } from '../config.ts'
import { quotaText, rateText } from './accounts.ts'
import { type Api, answered, answeredSurely, type Got, inDoubt } from './client.ts'
import { type Place, pagesOf, type Span, withAccount, withSpan } from './pages.ts'
import { type Column, facts, moment } from './table.ts'
import { many, one, type Telling, tell, verb, type Wish } from './telling.ts'
import { idValue, listValue, quotaValue, rateValue, rightsValue, secondsValue, wholeValue } from './values.ts'

type Key = Got<'/admin/v1/keys/{id}'>

const columns: readonly Column<Key>[] = [
  { head: 'id', of: ({ id }) => id },
  { head: 'name', of: ({ name }) => name, cut: true },
  { head: 'hint', of: ({ hint }) => hint },
  { head: 'mode', of: ({ mode }) => mode },
  { head: 'status', of: ({ status }) => status },
  { head: 'rate', of: ({ rate }) => rateText(rate) },
  { head: 'quota', of: ({ quota, quota_used }) => quotaText(quota, quota_used) },
  { head: 'last used', of: ({ last_used_at }) => moment(last_used_at) },
]
const owner: Column<Key> = { head: 'account', of: ({ account_id }) => account_id }

type Making = Wish & {
  readonly account: string
  readonly name: string
  readonly mode?: Key['mode']
  readonly rate?: ReturnType<typeof rateValue>
  readonly maxConcurrency?: number
  readonly quota?: ReturnType<typeof quotaValue>
  readonly offers?: string[]
  readonly allowIps?: string[]
  readonly expiresAt?: string
  readonly rights?: ReturnType<typeof rightsValue>
}
type Listing = Wish & Span & { readonly account?: string; readonly status?: Key['status'] }
type Rotating = Wish & { readonly grace?: number }

/** `keys create|list|rotate|revoke`: the secrets that accounts call with. */
export function keys(program: Command, env: Environment): void {
  const noun = program.command('keys').description('the secrets that accounts call with')

  verb(noun, 'create', 'make a key; its secret is the last line, and shown only now')
    .requiredOption('--account <id>', 'the account that will pay', idValue('acc'))
    .requiredOption('--name <name>', 'what it is for')
    .addOption(noun.createOption('--mode <mode>', 'test keys are answered by the sandbox').choices(['live', 'test']))
    .option('--rate <calls/time>', 'such as 10/60s', rateValue)
    .option('--max-concurrency <calls>', 'most calls at once', wholeValue(1, 100_000))
    .option('--quota <credits/period>', 'such as 30/day; a day, month or total', quotaValue)
    .option('--offers <ids>', 'what it may buy, with commas; all if not given', listValue)
    .option('--allow-ips <ranges>', 'where it may be used from, with commas', listValue)
    .option('--expires-at <time>', 'when it ends: a date, or RFC 3339')
    .option('--rights <rights>', 'some of call, read and manage, with commas', rightsValue)
    .action((wish: Making) => tell(env, wish, (api) => create(api, wish)))

  withAccount(withSpan(verb(noun, 'list', 'list keys')))
    .addOption(noun.createOption('--status <status>', 'only in this state').choices(['active', 'expired', 'revoked']))
    .action((wish: Listing) =>
      tell(env, wish, async (api) => {
        const filter = { account: wish.account, status: wish.status }
        const read = (place: Place) =>
          answeredSurely(() => api.GET('/admin/v1/keys', { params: { query: { ...filter, ...place } } }))
        return many(pagesOf(wish, read), wish.account ? columns : [...columns, owner])
      }),
    )

  verb(noun, 'rotate', 'replace a key by a successor with the same limits; its secret is the last line')
    .argument('<key>', 'its id', idValue('key'))
    .option('--grace <time>', 'how long the old key lives on, such as 12h; not at all if not given', secondsValue)
    .action((id: string, wish: Rotating) =>
      tell(env, wish, async (api) => {
        const init = { params: { path: { id } }, body: { grace_seconds: wish.grace } }
        return secretly(await answered(() => api.POST('/admin/v1/keys/{id}/rotate', init), { doubt: inDoubt }))
      }),
    )

  verb(noun, 'revoke', 'end a key at once and for good')
    .argument('<key>', 'its id', idValue('key'))
    .action((id: string, wish: Wish) =>
      tell(env, wish, async (api) => {
        const params = { path: { id } }
        const key = await answeredSurely(() => api.POST('/admin/v1/keys/{id}/revoke', { params }))
        return one(key, factsOf(key))
      }),
    )
}

async function create(api: Api, { account, ...wish }: Making): Promise<Telling> {
  const body = {
    ...{ name: wish.name, mode: wish.mode, rate: wish.rate, max_concurrency: wish.maxConcurrency },
    ...{ quota: wish.quota, offers: wish.offers, allow_ips: wish.allowIps },
    ...{ expires_at: wish.expiresAt, rights: wish.rights },
  }
  const init = { params: { path: { id: account } }, body }
  return secretly(await answered(() => api.POST('/admin/v1/accounts/{id}/keys', init), { doubt: inDoubt }))
}

/** The secret stands alone on the last line, so that a script can take it with `tail -n 1`. */
function secretly(key: Key & { readonly secret: string }): Telling {
  return one(key, [...factsOf(key), '', key.secret], [shownOnce])
}

export const shownOnce = 'The last line is the key. It is shown only now: keep it where secrets are kept.'

function factsOf(key: Key): string[] {
  return facts([
    ['id', key.id],
    ['account', key.account_id],
    ['name', key.name],
    ['hint', key.hint],
    ['mode', key.mode],
    ['status', key.status],
    ['rights', key.rights.join(', ')],
    ['offers', key.offers?.join(', ') ?? 'all'],
    ['from', key.allow_ips?.join(', ') ?? 'anywhere'],
    ['rate', rateText(key.rate) ?? 'that of the house'],
    ['at once', key.max_concurrency ?? 'no bound'],
    ['quota', quotaText(key.quota, key.quota_used) ?? 'none'],
    ['ends', moment(key.expires_at ?? key.revoked_at)],
    ['last used', moment(key.last_used_at)],
    ['made', moment(key.created_at)],
  ])
}
