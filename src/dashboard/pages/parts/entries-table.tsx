import { Text } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import type { RowOf } from '../api.ts'
import type { Pages } from '../paging.ts'
import { Empty } from './empty.tsx'
import { Change, Credits } from './figures.tsx'
import { Id } from './id.tsx'
import { type Column, PagedRows } from './rows.tsx'
import { StateBadge } from './state-badge.tsx'
import { When } from './when.tsx'

type Entry = RowOf<'/admin/v1/accounts/{id}/entries'>

/** What moved the credits, with the balance after each. */
export function EntriesTable({ pages }: { readonly pages: Pages<Entry> }) {
  const { t } = useTranslation()
  const empty = <Empty icon="coin" title={t('entries.empty')} hint={t('entries.emptyHint')} />
  return (
    <PagedRows label={t('entries.title')} columns={useColumns()} pages={pages} idOf={({ id }) => id} empty={empty} />
  )
}

function useColumns(): Column<Entry>[] {
  const { t } = useTranslation()
  return [
    { name: t('common.when'), cell: ({ created_at: at }) => <When at={at} /> },
    { name: t('entries.kind'), cell: ({ kind }) => <StateBadge state={kind} /> },
    { name: t('common.credits'), right: true, cell: ({ credits }) => <Change value={credits} /> },
    { name: t('entries.postedAfter'), right: true, cell: ({ posted_after: value }) => <Credits value={value} /> },
    {
      name: t('common.reason'),
      wide: true,
      cell: ({ reason }) => (
        <Text size="sm" className="breaking">
          {reason ?? '–'}
        </Text>
      ),
    },
    {
      name: t('entries.call'),
      wide: true,
      cell: ({ call_id: id }) => (id ? <Id id={id} to={`/calls/${id}`} /> : '–'),
    },
  ]
}
