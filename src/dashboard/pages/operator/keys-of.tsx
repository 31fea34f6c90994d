import { Button } from '@mantine/core'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useNavigate } from 'react-router'
import { api, got } from '../api.ts'
import { usePages } from '../paging.ts'
import { Empty } from '../parts/empty.tsx'
import { Icon } from '../parts/icons.tsx'
import { KeyActs } from '../parts/key-acts.tsx'
import { type Key, type KeyAct, KeysTable } from '../parts/keys-table.tsx'
import { Panel } from '../parts/panel.tsx'
import { useMay } from '../session.tsx'
import { operatorsKeyDoor, useOfferIds } from './key-door.ts'

/** The keys of one account. */
export function KeysOf({ accountId, isOpen }: { readonly accountId: string; readonly isOpen: boolean }) {
  const { t } = useTranslation()
  const may = useMay()
  const navigate = useNavigate()
  const offers = useOfferIds()
  const [chosen, setChosen] = useState<'make' | { readonly act: KeyAct; readonly key: Key }>()
  const pages = usePages(['keys', accountId], (cursor) =>
    got(api.GET('/admin/v1/keys', { params: { query: { account: accountId, cursor } } })),
  )
  const onAct = (act: KeyAct, key: Key) =>
    act === 'calls' ? void navigate(`/calls?key=${key.id}`) : setChosen({ act, key })
  const make = may.change && isOpen && (
    <Button size="xs" leftSection={<Icon name="plus" size={14} />} onClick={() => setChosen('make')}>
      {t('keys.make')}
    </Button>
  )
  return (
    <Panel title={t('keys.title')} flush beside={make}>
      <KeysTable
        pages={pages}
        empty={<Empty icon="key" title={t('keys.empty')} hint={t('keys.emptyHint')} />}
        acts={may.change ? ['calls', 'edit', 'rotate', 'revoke'] : ['calls']}
        onAct={onAct}
      />
      <KeyActs door={operatorsKeyDoor(accountId)} offers={offers} chosen={chosen} close={() => setChosen(undefined)} />
    </Panel>
  )
}
