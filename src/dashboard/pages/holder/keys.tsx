import { Alert, Button, Paper } from '@mantine/core'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useNavigate } from 'react-router'
import { api, got } from '../api.ts'
import { usePages } from '../paging.ts'
import { Empty } from '../parts/empty.tsx'
import { Icon } from '../parts/icons.tsx'
import { KeyActs, type KeyDoor } from '../parts/key-acts.tsx'
import { type Key, type KeyAct, KeysTable } from '../parts/keys-table.tsx'
import { PageHead } from '../parts/page-head.tsx'
import { useCurrent, useMay } from '../session.tsx'

const door: KeyDoor = {
  make: (body) => got(api.POST('/portal/v1/keys', { body })),
  rotate: ({ id }, grace) =>
    got(api.POST('/portal/v1/keys/{id}/rotate', { params: { path: { id } }, body: { grace_seconds: grace } })),
  revoke: ({ id }) => got(api.POST('/portal/v1/keys/{id}/revoke', { params: { path: { id } } })),
}

/** The keys of the own account; made and ended by keys with the right to. */
export default function Keys() {
  const { t } = useTranslation()
  const session = useCurrent()
  const may = useMay()
  const navigate = useNavigate()
  const [chosen, setChosen] = useState<'make' | { readonly act: KeyAct; readonly key: Key }>()
  const pages = usePages(['keys', 'own'], (cursor) =>
    got(api.GET('/portal/v1/keys', { params: { query: { cursor } } })),
  )
  const onAct = (act: KeyAct, key: Key) =>
    act === 'calls' ? void navigate(`/calls?key=${key.id}`) : setChosen({ act, key })
  return (
    <>
      <PageHead title={t('nav.keys')} about={t('keys.ownAbout')}>
        {may.change && (
          <Button leftSection={<Icon name="plus" size={16} />} onClick={() => setChosen('make')}>
            {t('keys.make')}
          </Button>
        )}
      </PageHead>
      {!may.change && (
        <Alert color="blue" variant="light" mb="md" icon={<Icon name="shield" />}>
          {t('keys.mayNotManage')}
        </Alert>
      )}
      <Paper withBorder className="panel">
        <KeysTable
          pages={pages}
          empty={<Empty icon="key" title={t('keys.empty')} hint={t('keys.emptyHint')} />}
          acts={may.change ? ['calls', 'rotate', 'revoke'] : ['calls']}
          onAct={onAct}
          own={session.kind === 'account' ? session.key : undefined}
        />
      </Paper>
      <KeyActs door={door} chosen={chosen} close={() => setChosen(undefined)} />
    </>
  )
}
