import type { Command } from 'commander'
import type { Environment } from '../config.ts'
import { type Api, answeredSurely, type Got } from './client.ts'
import { type Place, pagesOf, withAccount, withRange } from './pages.ts'
import type { Column } from './table.ts'
import { fileOf, many, type Telling, tell, verb, type Wish } from './telling.ts'

type Row = Got<'/admin/v1/usage'>['data'][number]

const groups: Readonly<Record<string, Column<Row>>> = {
  day: { head: 'day', of: ({ day }) => day },
  account: { head: 'account', of: ({ account_id }) => account_id },
  key: { head: 'key', of: ({ key_id }) => key_id },
  offer: { head: 'offer', of: ({ offer }) => offer, cut: true },
}
const sums: readonly Column<Row>[] = [
  { head: 'mode', of: ({ mode }) => mode },
  { head: 'calls', of: ({ calls }) => calls },
  { head: 'succeeded', of: ({ succeeded }) => succeeded },
  { head: 'failed', of: ({ failed }) => failed },
  { head: 'credits', of: ({ credits }) => credits },
]

type Asking = Wish & {
  readonly from?: string
  readonly to?: string
  readonly groupBy?: string
  readonly account?: string
  readonly csv?: true
}

/** `usage`: what was called and charged, summed. */
export function usage(program: Command, env: Environment): void {
  const asked = withRange(withAccount(verb(program, 'usage', 'what was called and charged, by UTC day')))
  asked
    .option('--group-by <words>', 'what to sum by: some of day, account, key and offer, with commas')
    .addOption(asked.createOption('--csv', 'as a file for spreadsheets').conflicts('json'))
    .action((wish: Asking) => tell(env, wish, (api) => summed(api, wish)))
}

async function summed(api: Api, { from, to, groupBy, account, csv }: Asking): Promise<Telling> {
  const query = { from, to, account, group_by: groupBy }
  if (csv) {
    const init = { params: { query }, headers: { accept: 'text/csv' }, parseAs: 'stream' } as const
    return fileOf(await answeredSurely(() => api.GET('/admin/v1/usage', init)), csv)
  }
  const read = (place: Place) =>
    answeredSurely(() => api.GET('/admin/v1/usage', { params: { query: { ...query, ...place } } }))
  const by = groupBy?.split(',') ?? []
  const shown = Object.entries(groups).flatMap(([word, column]) => (by.includes(word) ? [column] : []))
  return many(pagesOf({ all: true, limit: 0 }, read), [...shown, ...sums])
}
