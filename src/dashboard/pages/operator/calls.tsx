import { Button, NativeSelect, Paper, SimpleGrid, TextInput } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useSearchParams } from 'react-router'
import { FollowSwitch } from '../parts/follow-switch.tsx'
import { PageHead } from '../parts/page-head.tsx'
import { type CallFilter, CallsTable } from './calls-table.tsx'
import { useOfferIds } from './key-door.ts'

const states = ['held', 'settled', 'released'] as const
const names = ['account', 'key', 'offer', 'state', 'from', 'to'] as const

/** Every call: found by whose it was, with which key, when, and what became of its hold; or followed as they come. */
export default function Calls() {
  const { t } = useTranslation()
  const offers = useOfferIds()
  const [search, setSearch] = useSearchParams()
  const [followed, setFollowed] = useState(false)
  const text = (name: (typeof names)[number]) => search.get(name) ?? ''
  const [filter] = useDebouncedValue(filterOf(search), 250)
  const change = (name: (typeof names)[number], value: string) =>
    setSearch(
      (before) => {
        const next = new URLSearchParams(before)
        if (value === '') next.delete(name)
        else next.set(name, value)
        return next
      },
      { replace: true },
    )
  const field = (name: (typeof names)[number]) => ({
    size: 'xs',
    value: text(name),
    onChange: ({ currentTarget: { value } }: { currentTarget: { value: string } }) => change(name, value),
  })
  return (
    <>
      <PageHead title={t('nav.calls')} about={t('calls.about')}>
        <FollowSwitch followed={followed} follow={setFollowed} />
      </PageHead>
      <Paper withBorder className="panel">
        <SimpleGrid cols={{ base: 2, sm: 3, lg: 6 }} p="md" spacing="sm" role="search">
          <TextInput label={t('calls.byAccount')} placeholder="acc_…" {...field('account')} />
          <TextInput label={t('calls.byKey')} placeholder="key_…" {...field('key')} />
          <NativeSelect
            label={t('calls.hold')}
            {...field('state')}
            data={[
              { value: '', label: t('common.allStates') },
              ...states.map((value) => ({ value, label: t(`states.${value}`) })),
            ]}
          />
          <NativeSelect
            label={t('offers.one')}
            {...field('offer')}
            data={[{ value: '', label: t('common.all') }, ...offers.map((value) => ({ value, label: value }))]}
          />
          <TextInput type="date" label={t('common.from')} {...field('from')} />
          <TextInput type="date" label={t('common.to')} {...field('to')} />
        </SimpleGrid>
        {search.size > 0 && (
          <Button size="compact-xs" variant="default" mx="md" mb="sm" onClick={() => setSearch({}, { replace: true })}>
            {t('common.clear')}
          </Button>
        )}
        <CallsTable filter={filter} followed={followed} />
      </Paper>
    </>
  )
}

function filterOf(search: URLSearchParams): CallFilter {
  const text = (name: string) => search.get(name)?.trim() || undefined
  return {
    account: text('account'),
    key: text('key'),
    offer: text('offer'),
    state: states.find((each) => each === text('state')),
    from: midnight(text('from'), 0),
    to: midnight(text('to'), 1),
  }
}

/** When a day of the reader's own calendar begins, or one so many days later, as the API takes it. */
function midnight(day: string | undefined, later: number): string | undefined {
  const [year, month, date] =
    /^(\d{4})-(\d\d)-(\d\d)$/
      .exec(day ?? '')
      ?.slice(1)
      .map(Number) ?? []
  if (year === undefined || month === undefined || date === undefined) return undefined
  return new Date(year, month - 1, date + later).toISOString()
}
