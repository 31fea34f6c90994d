import { Button, Menu, Paper, SimpleGrid, Stack, Tabs } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useParams, useSearchParams } from 'react-router'
import { api, got, gotTagged } from '../api.ts'
import { usePages } from '../paging.ts'
import { EntriesTable } from '../parts/entries-table.tsx'
import { Failure } from '../parts/failure.tsx'
import { Credits } from '../parts/figures.tsx'
import { Icon } from '../parts/icons.tsx'
import { Id } from '../parts/id.tsx'
import { LimitsTold } from '../parts/limits-told.tsx'
import { PageHead } from '../parts/page-head.tsx'
import { WaitingRows } from '../parts/rows.tsx'
import { Stat } from '../parts/stat.tsx'
import { StateBadge } from '../parts/state-badge.tsx'
import { UsagePanels } from '../parts/usage-panels.tsx'
import { When } from '../parts/when.tsx'
import { useMay } from '../session.tsx'
import { daysBack } from '../usage.ts'
import { usageDays, useUsage } from '../use-usage.ts'
import { type AccountAct, AccountActs, type TaggedAccount } from './account-acts.tsx'
import { CallsTable } from './calls-table.tsx'
import { KeysOf } from './keys-of.tsx'
import { StatementDownload } from './statement-download.tsx'

const tabs = ['entries', 'keys', 'calls', 'usage', 'statements'] as const

/** One account: what it has, what moved it, who may spend it, and what was bought. */
export default function AccountPage() {
  const { t } = useTranslation()
  const { id = '' } = useParams()
  const account = useQuery({
    queryKey: ['account', id],
    queryFn: () => gotTagged(api.GET('/admin/v1/accounts/{id}', { params: { path: { id } } })),
    refetchInterval: 10_000,
  })
  const up = { to: '/accounts', name: t('nav.accounts') }
  if (account.error && !account.data) {
    return (
      <>
        <PageHead title={t('accounts.one')} up={up} />
        <Failure error={account.error} again={() => void account.refetch()} />
      </>
    )
  }
  if (!account.data) return <WaitingRows />
  return <Told account={account.data} />
}

function Told({ account }: { readonly account: TaggedAccount }) {
  const { t } = useTranslation()
  const { id, name, status, external_id: external, created_at: at, balance } = account.body
  return (
    <>
      <PageHead
        title={name || t('accounts.erased')}
        up={{ to: '/accounts', name: t('nav.accounts') }}
        beside={<StateBadge state={status} />}
        about={
          <>
            <Id id={id} whole /> {external && `· ${external}`} · {t('common.made')} <When at={at} />
          </>
        }
      >
        <Actions account={account} />
      </PageHead>
      <Stack>
        <SimpleGrid cols={{ base: 2, md: 4 }} spacing={{ base: 'sm', sm: 'md' }}>
          <Stat
            label={t('balance.available')}
            value={<Credits value={balance.available} />}
            note={t('balance.availableNote')}
          />
          <Stat label={t('balance.held')} value={<Credits value={balance.held} />} note={t('balance.heldNote')} />
          <Stat label={t('balance.posted')} value={<Credits value={balance.posted} />} note={t('balance.postedNote')} />
          <Stat
            label={t('limits.ofAccount')}
            value={
              <small className="wrapping">
                <LimitsTold {...account.body} />
              </small>
            }
          />
        </SimpleGrid>
        <Parts id={id} isOpen={status !== 'closed'} />
      </Stack>
    </>
  )
}

function Actions({ account }: { readonly account: TaggedAccount }) {
  const { t } = useTranslation()
  const may = useMay()
  const queries = useQueryClient()
  const [act, setAct] = useState<AccountAct>()
  const { status } = account.body
  if (!may.change || status === 'closed') return null
  const refresh = () => queries.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] !== 'session' })
  return (
    <>
      <Button leftSection={<Icon name="plus" size={16} />} onClick={() => setAct('grant')}>
        {t('accounts.grant')}
      </Button>
      <Menu position="bottom-end" width={200}>
        <Menu.Target>
          <Button variant="default">{t('common.actions')}</Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item onClick={() => setAct('change')}>{t('accounts.change')}</Menu.Item>
          {status === 'active' ? (
            <Menu.Item onClick={() => setAct('suspend')}>{t('accounts.suspend')}</Menu.Item>
          ) : (
            <Menu.Item onClick={() => setAct('resume')}>{t('accounts.resume')}</Menu.Item>
          )}
          <Menu.Item color="var(--mantine-color-error)" onClick={() => setAct('close')}>
            {t('accounts.close')}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      {act && <AccountActs account={account} act={act} close={() => setAct(undefined)} done={refresh} />}
    </>
  )
}

function Parts({ id, isOpen }: { readonly id: string; readonly isOpen: boolean }) {
  const { t } = useTranslation()
  const [search, setSearch] = useSearchParams()
  const tab = tabs.find((each) => each === search.get('tab')) ?? 'entries'
  return (
    <Tabs
      value={tab}
      onChange={(value) => setSearch(value ? { tab: value } : {}, { replace: true })}
      keepMounted={false}
    >
      <Tabs.List className="tabs" aria-label={t('accounts.parts')}>
        {tabs.map((each) => (
          <Tabs.Tab key={each} value={each}>
            {t(`accounts.tab.${each}`)}
          </Tabs.Tab>
        ))}
      </Tabs.List>
      <Tabs.Panel value="entries" pt="md">
        <Paper withBorder className="panel">
          <Entries id={id} />
        </Paper>
      </Tabs.Panel>
      <Tabs.Panel value="keys" pt="md">
        <KeysOf accountId={id} isOpen={isOpen} />
      </Tabs.Panel>
      <Tabs.Panel value="calls" pt="md">
        <Paper withBorder className="panel">
          <CallsTable filter={{ account: id }} />
        </Paper>
      </Tabs.Panel>
      <Tabs.Panel value="usage" pt="md">
        <Usage id={id} />
      </Tabs.Panel>
      <Tabs.Panel value="statements" pt="md">
        <StatementDownload id={id} />
      </Tabs.Panel>
    </Tabs>
  )
}

function Entries({ id }: { readonly id: string }) {
  const pages = usePages(['entries', id], (cursor) =>
    got(api.GET('/admin/v1/accounts/{id}/entries', { params: { path: { id }, query: { cursor } } })),
  )
  return <EntriesTable pages={pages} />
}

function Usage({ id }: { readonly id: string }) {
  const query = { account: id, group_by: 'day', from: daysBack(usageDays), limit: 200 }
  const usage = useUsage(['account', id], () => got(api.GET('/admin/v1/usage', { params: { query } })))
  return <UsagePanels usage={usage} />
}
