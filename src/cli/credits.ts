import { randomUUID } from 'node:crypto'
import type { Command } from 'commander'
import type { Environment } from '../config.ts'
import { balanceFacts } from './accounts.ts'
import { type Api, answeredSurely, type Got } from './client.ts'
import { type Column, facts, moment, table } from './table.ts'
import { fileOf, one, type Telling, tell, verb, type Wish } from './telling.ts'
import { creditsValue, idValue } from './values.ts'

type Statement = Got<'/admin/v1/accounts/{id}/statement'>
type Entry = Statement['entries'][number]

const columns: readonly Column<Entry | Edge>[] = [
  { head: 'when', of: (line) => ('created_at' in line ? moment(line.created_at) : null) },
  { head: 'kind', of: ({ kind }) => kind },
  { head: 'credits', of: (line) => ('credits' in line ? line.credits : null) },
  { head: 'posted after', of: ({ posted_after }) => posted_after },
  { head: 'call', of: (line) => ('call_id' in line ? line.call_id : null) },
  { head: 'reason', of: (line) => ('reason' in line ? line.reason : null), cut: true },
]
type Edge = { readonly kind: 'opening' | 'closing'; readonly posted_after: number }

type Gift = Wish & { readonly reason: string; readonly idempotencyKey?: string }
type Stating = Wish & { readonly month?: string; readonly csv?: true }

/** `credits grant|balance|statement`: what an account has, and why. */
export function credits(program: Command, env: Environment): void {
  const noun = program.command('credits').description('what an account has, and why')

  verb(noun, 'grant', 'give credits to an account; an amount below zero takes back')
    .argument('<account>', 'its id', idValue('acc'))
    .argument('<amount>', 'credits', creditsValue)
    .requiredOption('--reason <text>', 'why; it stays in the statement')
    .option('--idempotency-key <text>', 'happens once, however often it is sent; a random one if not given')
    .action((id: string, amount: number, wish: Gift) => tell(env, wish, (api) => grant(api, id, amount, wish)))

  verb(noun, 'balance', 'show what an account has')
    .argument('<account>', 'its id', idValue('acc'))
    .action((id: string, wish: Wish) =>
      tell(env, wish, async (api) => {
        const { balance } = await answeredSurely(() => api.GET('/admin/v1/accounts/{id}', { params: { path: { id } } }))
        return one({ account_id: id, ...balance }, facts(balanceFacts(balance)))
      }),
    )

  verb(noun, 'statement', 'show what moved the credits of an account in a month')
    .argument('<account>', 'its id', idValue('acc'))
    .option('--month <month>', 'such as 2026-11, in UTC; the present one if not given')
    .addOption(noun.createOption('--csv', 'as a file for spreadsheets').conflicts('json'))
    .action((id: string, wish: Stating) => tell(env, wish, (api) => statement(api, id, wish)))
}

/** A grant is sent under a key of its own, so that sending it again cannot give twice. */
async function grant(api: Api, id: string, amount: number, { reason, idempotencyKey }: Gift): Promise<Telling> {
  const key = idempotencyKey ?? randomUUID()
  const init = {
    params: { path: { id } },
    body: { credits: amount, reason },
    headers: { 'idempotency-key': key },
  }
  const doubt = `The grant may have been made; repeat it with --idempotency-key ${key}, and it is made once.`
  const entry = await answeredSurely(() => api.POST('/admin/v1/accounts/{id}/grants', init), { doubt })
  return one(
    entry,
    facts([
      ['id', entry.id],
      ['kind', entry.kind],
      ['credits', entry.credits],
      ['posted after', entry.posted_after],
      ['reason', entry.reason],
      ['made', moment(entry.created_at)],
    ]),
  )
}

async function statement(api: Api, id: string, { month, csv, json }: Stating): Promise<Telling> {
  const params = { path: { id }, query: { month } }
  // A busy month is passed on as it comes, and never held whole.
  if (csv || json) {
    const init = { params, headers: { accept: csv ? 'text/csv' : 'application/json' }, parseAs: 'stream' } as const
    const stream = await answeredSurely(() => api.GET('/admin/v1/accounts/{id}/statement', init))
    return fileOf(stream, csv)
  }
  const stated = await answeredSurely(() => api.GET('/admin/v1/accounts/{id}/statement', { params }))
  const { opening, closing, entries } = stated
  const first: Edge = { kind: 'opening', posted_after: opening }
  const last: Edge = { kind: 'closing', posted_after: closing }
  return { lines: table<Entry | Edge>(columns, [[first, ...entries, last]], process.stdout.columns) }
}
