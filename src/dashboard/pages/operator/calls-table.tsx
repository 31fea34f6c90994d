import { useTranslation } from 'react-i18next'
import { api, got, type RowOf } from '../api.ts'
import { usePages } from '../paging.ts'
import { CallLink } from '../parts/call-link.tsx'
import { Empty } from '../parts/empty.tsx'
import { Credits, Milliseconds } from '../parts/figures.tsx'
import { Id } from '../parts/id.tsx'
import { Outcome } from '../parts/outcome.tsx'
import { type Column, PagedRows } from '../parts/rows.tsx'
import { AccountName } from './account-name.tsx'

type Call = RowOf<'/admin/v1/calls'>

export type CallFilter = {
  readonly account?: string
  readonly key?: string
  readonly offer?: string
  readonly state?: 'held' | 'settled' | 'released'
  readonly from?: string
  readonly to?: string
}

const tailMs = 2000

/** Calls that fit a filter. Followed, it is only the newest page, asked again as long as somebody looks. */
export function CallsTable({ filter, followed = false }: { readonly filter: CallFilter; readonly followed?: boolean }) {
  const { t } = useTranslation()
  const isFiltered = Object.values(filter).some((value) => value !== undefined)
  const pages = usePages(
    ['calls', filter, followed],
    (cursor) => got(api.GET('/admin/v1/calls', { params: { query: { ...filter, cursor } } })),
    { everyMs: followed && tailMs },
  )
  const empty = isFiltered ? (
    <Empty icon="search" title={t('common.nothing')} hint={t('calls.nothingHint')} />
  ) : (
    <Empty icon="calls" title={t('calls.empty')} hint={t('calls.emptyHint')} />
  )
  const shown = followed ? { ...pages, hasNextPage: false } : pages
  const columns = useColumns(filter.account === undefined)
  return <PagedRows label={t('nav.calls')} columns={columns} pages={shown} idOf={({ id }) => id} empty={empty} />
}

function useColumns(ofMany: boolean): Column<Call>[] {
  const { t } = useTranslation()
  const account: Column<Call> = {
    name: t('accounts.one'),
    wide: true,
    cell: ({ account_id: id }) => <AccountName id={id} />,
  }
  return [
    { name: t('common.when'), cell: (call) => <CallLink call={call} /> },
    { name: t('calls.one'), wide: true, cell: ({ id }) => <Id id={id} to={`/calls/${id}`} /> },
    { name: t('calls.outcome'), cell: (call) => <Outcome of={call} /> },
    ...(ofMany ? [account] : []),
    { name: t('common.credits'), right: true, cell: ({ credits }) => <Credits value={credits} /> },
    { name: t('calls.reason'), wide: true, cell: ({ reason }) => <code>{reason ?? '–'}</code> },
    { name: t('calls.took'), wide: true, right: true, cell: ({ upstream_ms: ms }) => <Milliseconds value={ms} /> },
  ]
}
