import { Button, Group, NativeSelect, Paper, TextInput } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Link, useSearchParams } from 'react-router'
import { api, got, type RowOf } from '../api.ts'
import { usePages } from '../paging.ts'
import { CallLink } from '../parts/call-link.tsx'
import { Empty } from '../parts/empty.tsx'
import { Credits } from '../parts/figures.tsx'
import { FollowSwitch } from '../parts/follow-switch.tsx'
import { Id } from '../parts/id.tsx'
import { Outcome } from '../parts/outcome.tsx'
import { PageHead } from '../parts/page-head.tsx'
import { type Column, PagedRows } from '../parts/rows.tsx'

type Call = RowOf<'/portal/v1/calls'>
const states = ['held', 'settled', 'released'] as const
const tailMs = 2000

/** What the own keys called, each with its receipt one step away. */
export default function Calls() {
  const { t } = useTranslation()
  const [search, setSearch] = useSearchParams()
  const [followed, setFollowed] = useState(false)
  const [state, setState] = useState<(typeof states)[number]>()
  const [key] = useDebouncedValue(search.get('key')?.trim() || undefined, 250)
  const pages = usePages(
    ['calls', 'own', key, state, followed],
    (cursor) => got(api.GET('/portal/v1/calls', { params: { query: { key, state, cursor } } })),
    { everyMs: followed && tailMs },
  )
  const isFiltered = key !== undefined || state !== undefined
  const empty = isFiltered ? (
    <Empty icon="search" title={t('common.nothing')} hint={t('calls.nothingHint')} />
  ) : (
    <Empty icon="calls" title={t('calls.empty')} hint={t('calls.ownEmptyHint')}>
      <Button component={Link} to="/playground" size="xs" variant="default" mt="xs">
        {t('home.try')}
      </Button>
    </Empty>
  )
  return (
    <>
      <PageHead title={t('nav.calls')} about={t('calls.ownAbout')}>
        <FollowSwitch followed={followed} follow={setFollowed} />
      </PageHead>
      <Paper withBorder className="panel">
        <Group p="md" gap="sm" align="flex-end" role="search">
          <TextInput
            size="xs"
            label={t('calls.byKey')}
            placeholder="key_…"
            flex="1 1 180px"
            maw={320}
            value={search.get('key') ?? ''}
            onChange={({ currentTarget: { value } }) =>
              setSearch(value === '' ? {} : { key: value }, { replace: true })
            }
          />
          <NativeSelect
            size="xs"
            label={t('calls.hold')}
            value={state ?? ''}
            data={[
              { value: '', label: t('common.allStates') },
              ...states.map((value) => ({ value, label: t(`states.${value}`) })),
            ]}
            onChange={({ currentTarget: { value } }) => setState(states.find((each) => each === value))}
          />
        </Group>
        <PagedRows
          label={t('nav.calls')}
          columns={useColumns()}
          pages={followed ? { ...pages, hasNextPage: false } : pages}
          idOf={({ id }) => id}
          empty={empty}
        />
      </Paper>
    </>
  )
}

function useColumns(): Column<Call>[] {
  const { t } = useTranslation()
  return [
    { name: t('common.when'), cell: (call) => <CallLink call={call} /> },
    { name: t('calls.one'), wide: true, cell: ({ id }) => <Id id={id} to={`/calls/${id}`} /> },
    { name: t('calls.outcome'), cell: (call) => <Outcome of={call} /> },
    { name: t('offers.one'), wide: true, cell: ({ offer }) => offer },
    { name: t('calls.reason'), wide: true, cell: ({ reason }) => <code>{reason ?? '–'}</code> },
    { name: t('calls.status'), wide: true, right: true, cell: ({ status }) => status ?? '–' },
    { name: t('common.credits'), right: true, cell: ({ credits }) => <Credits value={credits} /> },
  ]
}
