import { Anchor, Modal, Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { api, type Got, got } from '../api.ts'
import { Facts } from '../parts/facts.tsx'
import { Failure } from '../parts/failure.tsx'
import { Count } from '../parts/figures.tsx'
import { WaitingRows } from '../parts/rows.tsx'
import { Stat } from '../parts/stat.tsx'
import { StateBadge } from '../parts/state-badge.tsx'
import { When } from '../parts/when.tsx'

type Books = Got<'/admin/v1/overview'>['books']

/** What the house found when it last proved its books; undefined while that is not known here. */
export function BooksStat({ books }: { readonly books: Books | undefined }) {
  const { t } = useTranslation()
  const [isAsked, setAsked] = useState(false)
  const prove = (
    <Anchor component="button" type="button" size="sm" onClick={() => setAsked(true)}>
      {t('overview.prove')}
    </Anchor>
  )
  return (
    <>
      <Stat
        label={t('overview.books')}
        loading={books === undefined}
        beside={prove}
        value={books ? <StateBadge state={books.balanced ? 'balanced' : 'unbalanced'} /> : '–'}
        note={
          books ? (
            <>
              {t('overview.proved')} <When at={books.proved_at} />
            </>
          ) : (
            t('overview.proving')
          )
        }
      />
      <Modal
        opened={isAsked}
        onClose={() => setAsked(false)}
        title={t('overview.books')}
        centered
        closeButtonProps={{ 'aria-label': t('common.close') }}
      >
        <Proof />
      </Modal>
    </>
  )
}

/** Reads every line of the ledger, so it is asked for by hand and never by itself. */
function Proof() {
  const { t } = useTranslation()
  const { data, error, refetch } = useQuery({
    queryKey: ['books'],
    queryFn: () => got(api.GET('/admin/v1/books')),
    staleTime: 0,
    gcTime: 0,
    refetchOnWindowFocus: false,
  })
  if (error) return <Failure error={error} again={() => void refetch()} />
  if (!data) return <WaitingRows />
  return (
    <Stack>
      <Facts
        facts={[
          [t('common.state'), <StateBadge key="state" state={data.balanced ? 'balanced' : 'unbalanced'} />],
          [t('overview.imbalance'), data.imbalance],
          [t('nav.accounts'), <Count key="accounts" value={data.accounts} />],
          [t('balance.posted'), data.posted],
          [t('balance.held'), data.held],
          [t('overview.holds'), <Count key="holds" value={data.open_holds} />],
        ]}
      />
      {data.faults.map((fault) => (
        <Text key={fault} size="sm" c="var(--mantine-color-error)" lang="en">
          {fault}
        </Text>
      ))}
    </Stack>
  )
}
