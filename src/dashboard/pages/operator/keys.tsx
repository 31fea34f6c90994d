import { Group, NativeSelect, Paper } from '@mantine/core'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useNavigate } from 'react-router'
import { api, got } from '../api.ts'
import { usePages } from '../paging.ts'
import { Empty } from '../parts/empty.tsx'
import { KeyActs } from '../parts/key-acts.tsx'
import { type Key, type KeyAct, KeysTable } from '../parts/keys-table.tsx'
import { PageHead } from '../parts/page-head.tsx'
import { useMay } from '../session.tsx'
import { AccountName } from './account-name.tsx'
import { operatorsKeyDoor, useOfferIds } from './key-door.ts'

const statuses = ['active', 'expired', 'revoked'] as const

/** Every key of the house, newest first; new ones are made on the page of their account. */
export default function Keys() {
  const { t } = useTranslation()
  const may = useMay()
  const navigate = useNavigate()
  const offers = useOfferIds()
  const [status, setStatus] = useState<(typeof statuses)[number]>()
  const [chosen, setChosen] = useState<{ readonly act: KeyAct; readonly key: Key }>()
  const pages = usePages(['keys', 'all', status], (cursor) =>
    got(api.GET('/admin/v1/keys', { params: { query: { status, cursor } } })),
  )
  const account = { name: t('accounts.one'), wide: true, cell: (key: Key) => <AccountName id={key.account_id} /> }
  const onAct = (act: KeyAct, key: Key) =>
    act === 'calls' ? void navigate(`/calls?key=${key.id}`) : setChosen({ act, key })
  return (
    <>
      <PageHead title={t('nav.keys')} about={t('keys.allAbout')} />
      <Paper withBorder className="panel">
        <Group p="md">
          <NativeSelect
            aria-label={t('common.state')}
            value={status ?? ''}
            data={[
              { value: '', label: t('common.allStates') },
              ...statuses.map((each) => ({ value: each, label: t(`states.${each}`) })),
            ]}
            onChange={({ currentTarget: { value } }) => setStatus(statuses.find((each) => each === value))}
          />
        </Group>
        <KeysTable
          pages={pages}
          empty={<Empty icon="key" title={t('keys.empty')} hint={t('keys.allEmptyHint')} />}
          acts={may.change ? ['calls', 'edit', 'rotate', 'revoke'] : ['calls']}
          onAct={onAct}
          more={[account]}
        />
      </Paper>
      <KeyActs door={operatorsKeyDoor()} offers={offers} chosen={chosen} close={() => setChosen(undefined)} />
    </>
  )
}
