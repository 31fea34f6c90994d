import { type Command, InvalidArgumentError } from 'commander'
import type { Environment } from '../config.ts'
import { type Api, answeredSurely, type Got } from './client.ts'
import { type Column, moment, table } from './table.ts'
import { type Telling, tell, verb, type Wish } from './telling.ts'

type Reconciliation = Got<'/admin/v1/reconcile'>
type Token = Reconciliation['tokens'][number]
type Candidate = Token['candidates'][number]

const columns: readonly Column<Token>[] = [
  { head: 'token', of: ({ token_id }) => token_id },
  { head: 'from', of: ({ from }) => moment(from) },
  { head: 'to', of: ({ to }) => moment(to) },
  { head: 'fall', of: ({ fall }) => fall },
  { head: 'topped up', of: ({ topped_up }) => topped_up },
  { head: 'settled', of: ({ settled }) => settled },
  { head: 'as sold', of: ({ settled_credits }) => settled_credits },
  { head: 'may bill', of: ({ may_bill }) => may_bill.credits },
  { head: 'unexplained', of: ({ unexplained }) => unexplained },
  { head: 'finding', of: ({ finding }) => finding },
]

const callColumns: readonly Column<Candidate>[] = [
  { head: 'ended', of: ({ ended_at }) => moment(ended_at) },
  { head: 'id', of: ({ id }) => id },
  { head: 'why', of: ({ why }) => why },
  { head: 'state', of: ({ state }) => state },
  { head: 'outcome', of: ({ outcome }) => outcome },
  { head: 'reason', of: ({ reason }) => reason, cut: true },
  { head: 'credits', of: ({ credits }) => credits },
]

type Asking = Wish & { readonly day?: string }

/** `reconcile`: the ledger against the upstream's balances; exit code 1 when something is unexplained. */
export function reconcile(program: Command, env: Environment): void {
  verb(program, 'reconcile', "compare the ledger with the fall of the upstream's balances over a UTC day")
    .option('--day <day>', 'such as 2026-11-21; yesterday if not given', dayValue)
    .action((wish: Asking) => tell(env, wish, (api) => compared(api, wish)))
}

function dayValue(text: string): string {
  if (/^\d{4}-\d\d-\d\d$/.test(text)) return text
  throw new InvalidArgumentError('It must be a day such as 2026-11-21.')
}

async function compared(api: Api, { day }: Asking): Promise<Telling> {
  const told = await answeredSurely(() => api.GET('/admin/v1/reconcile', { params: { query: { day } } }))
  const isOpen = told.tokens.some(({ finding }) => finding === 'unexplained')
  return { json: [JSON.stringify(told)], lines: linesOf(told), exitCode: isOpen ? 1 : 0 }
}

async function* linesOf({ day, tokens, without_token: lost }: Reconciliation): AsyncGenerator<string> {
  if (tokens.length === 0) {
    yield 'There are no tokens, so there is nothing to compare.'
    return
  }
  yield* table(columns, [tokens], process.stdout.isTTY ? process.stdout.columns : undefined)
  for (const { token_id: id, explained_by: sentence, candidates } of tokens) {
    yield ''
    yield `${day}, ${id}: ${sentence}`
    if (candidates.length > 0) yield* table(callColumns, [candidates])
  }
  if (lost.calls > 0) {
    yield ''
    yield `Besides, ${lost.calls} calls died with their process: ${lost.credits} credits that any token may have been billed.`
  }
}
