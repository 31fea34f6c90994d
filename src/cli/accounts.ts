import type { Command } from 'commander'
import type { Environment } from '../config.ts'
import { answered, answeredSurely, type Got, inDoubt } from './client.ts'
import { type Place, pagesOf, type Span, withSpan } from './pages.ts'
import { type Column, facts, moment } from './table.ts'
import { many, one, type Telling, tell, verb, type Wish } from './telling.ts'
import { creditsValue, idValue } from './values.ts'

type Account = Got<'/admin/v1/accounts/{id}'>
type Status = Account['status']

const columns: readonly Column<Account>[] = [
  { head: 'id', of: ({ id }) => id },
  { head: 'name', of: ({ name }) => name, cut: true },
  { head: 'external id', of: ({ external_id }) => external_id, cut: true },
  { head: 'status', of: ({ status }) => status },
  { head: 'available', of: ({ balance }) => balance.available },
  { head: 'held', of: ({ balance }) => balance.held },
  { head: 'made', of: ({ created_at }) => moment(created_at) },
]

type Making = Wish & { readonly externalId?: string; readonly credits?: number }
type Listing = Wish & Span & { readonly search?: string; readonly status?: Status }

/** `accounts create|list|show|suspend|resume`: who owns credits. */
export function accounts(program: Command, env: Environment): void {
  const noun = program.command('accounts').description('who owns credits')

  verb(noun, 'create <name>', 'make an account')
    .option('--external-id <id>', 'your own id for it')
    .option('--credits <amount>', 'credits to begin with', creditsValue)
    .action((name: string, wish: Making) =>
      tell(env, wish, async (api) => {
        const body = { name, external_id: wish.externalId, credits: wish.credits }
        return about(await answered(() => api.POST('/admin/v1/accounts', { body }), { doubt: inDoubt }))
      }),
    )

  withSpan(verb(noun, 'list', 'list accounts'))
    .option('--search <text>', 'an id, or what a name, a word of it or an external id begins with')
    .addOption(noun.createOption('--status <status>', 'only in this state').choices(['active', 'suspended', 'closed']))
    .action((wish: Listing) =>
      tell(env, wish, async (api) => {
        const filter = { q: wish.search, status: wish.status }
        const read = (place: Place) =>
          answeredSurely(() => api.GET('/admin/v1/accounts', { params: { query: { ...filter, ...place } } }))
        return many(pagesOf(wish, read), columns)
      }),
    )

  verb(noun, 'show', 'show an account and its balance')
    .argument('<account>', 'its id', idValue('acc'))
    .action((id: string, wish: Wish) =>
      tell(env, wish, async (api) => {
        const params = { path: { id } }
        return about(await answeredSurely(() => api.GET('/admin/v1/accounts/{id}', { params })))
      }),
    )

  const become = (usage: string, summary: string, status: Status) =>
    verb(noun, usage, summary)
      .argument('<account>', 'its id', idValue('acc'))
      .action((id: string, wish: Wish) =>
        tell(env, wish, async (api) => {
          const init = { params: { path: { id } }, body: { status } }
          return about(await answeredSurely(() => api.PATCH('/admin/v1/accounts/{id}', init)))
        }),
      )
  become('suspend', 'let no key of an account spend', 'suspended')
  become('resume', 'let a suspended account spend again', 'active')
}

function about(account: Account): Telling {
  const { id, name, external_id, status, balance, rate, max_concurrency, quota, quota_used, created_at } = account
  return one(
    account,
    facts([
      ['id', id],
      ['name', name],
      ['external id', external_id],
      ['status', status],
      ...balanceFacts(balance),
      ['rate', rateText(rate)],
      ['at once', max_concurrency],
      ['quota', quotaText(quota, quota_used)],
      ['made', moment(created_at)],
    ]),
  )
}

export function balanceFacts({ posted, held, available }: Account['balance']) {
  return [
    ['posted', posted],
    ['held', held],
    ['available', available],
  ] as const
}

export function rateText(rate: Account['rate']): string | null {
  return rate && `${rate.calls}/${rate.window_seconds}s`
}

export function quotaText(quota: Account['quota'], used: number | null): string | null {
  return quota && `${used ?? 0} of ${quota.credits}/${quota.period}`
}
