import { ActionIcon, Button, NativeSelect, Paper, Text, TextInput } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { api, done, got, type RowOf } from '../api.ts'
import { usePages } from '../paging.ts'
import { Empty } from '../parts/empty.tsx'
import { FormDialog } from '../parts/form-dialog.tsx'
import { Icon } from '../parts/icons.tsx'
import { PageHead } from '../parts/page-head.tsx'
import { type Column, PagedRows } from '../parts/rows.tsx'
import { SecretOnce } from '../parts/secret-once.tsx'
import { StateBadge } from '../parts/state-badge.tsx'
import { When } from '../parts/when.tsx'
import { useMay } from '../session.tsx'

type Operator = RowOf<'/admin/v1/operators'>
const roles = ['viewer', 'admin'] as const

/** Who may run the house. */
export default function Operators() {
  const { t } = useTranslation()
  const may = useMay()
  const queries = useQueryClient()
  const [isMaking, setMaking] = useState(false)
  const [leaving, setLeaving] = useState<Operator>()
  const [secret, setSecret] = useState<string>()
  const pages = usePages(['operators'], (cursor) =>
    got(api.GET('/admin/v1/operators', { params: { query: { cursor } } })),
  )
  const columns: Column<Operator>[] = [
    {
      name: t('operators.name'),
      cell: ({ name, hint }) => (
        <>
          <Text size="sm" fw={550} className="breaking">
            {name}
          </Text>
          <Text size="xs" c="dimmed" ff="monospace">
            {hint}…
          </Text>
        </>
      ),
    },
    { name: t('operators.role'), cell: ({ role }) => <StateBadge state={role} /> },
    { name: t('common.made'), wide: true, cell: ({ created_at: at }) => <When at={at} /> },
  ]
  const end: Column<Operator> = {
    name: t('common.actions'),
    nameless: true,
    right: true,
    cell: (operator) => (
      <ActionIcon
        variant="subtle"
        color="red"
        aria-label={t('operators.removeOne', { name: operator.name })}
        title={t('operators.remove')}
        onClick={() => setLeaving(operator)}
      >
        <Icon name="leave" size={16} />
      </ActionIcon>
    ),
  }
  const remove = async ({ id }: Operator) => {
    await done(api.DELETE('/admin/v1/operators/{id}', { params: { path: { id } } }))
    await queries.invalidateQueries({ queryKey: ['operators'] })
  }
  return (
    <>
      <PageHead title={t('nav.operators')} about={t('operators.about')}>
        {may.change && (
          <Button leftSection={<Icon name="plus" size={16} />} onClick={() => setMaking(true)}>
            {t('operators.make')}
          </Button>
        )}
      </PageHead>
      <Paper withBorder className="panel">
        <PagedRows
          label={t('nav.operators')}
          columns={may.change ? [...columns, end] : columns}
          pages={pages}
          idOf={({ id }) => id}
          empty={<Empty icon="shield" title={t('operators.empty')} hint={t('operators.emptyHint')} />}
        />
      </Paper>
      {isMaking && <Make close={() => setMaking(false)} onSecret={setSecret} />}
      {leaving && (
        <FormDialog
          opened
          danger
          close={() => setLeaving(undefined)}
          title={t('operators.removeOne', { name: leaving.name })}
          verb={t('operators.remove')}
          act={() => remove(leaving)}
        >
          <Text size="sm">{t('operators.removeAbout')}</Text>
        </FormDialog>
      )}
      <SecretOnce secret={secret} title={t('operators.secretTitle')} close={() => setSecret(undefined)} />
    </>
  )
}

type Making = { readonly close: () => void; readonly onSecret: (secret: string) => void }

function Make({ close, onSecret }: Making) {
  const { t } = useTranslation()
  const queries = useQueryClient()
  const [name, setName] = useState('')
  const [role, setRole] = useState<(typeof roles)[number]>('viewer')
  const act = async () => {
    onSecret((await got(api.POST('/admin/v1/operators', { body: { name: name.trim(), role } }))).secret)
    await queries.invalidateQueries({ queryKey: ['operators'] })
  }
  return (
    <FormDialog
      opened
      close={close}
      title={t('operators.make')}
      verb={t('operators.makeVerb')}
      ready={name.trim() !== ''}
      act={act}
    >
      <TextInput
        label={t('operators.name')}
        required
        maxLength={200}
        data-autofocus
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <NativeSelect
        label={t('operators.role')}
        description={t('operators.roleAbout')}
        value={role}
        data={roles.map((value) => ({ value, label: t(`states.${value}`) }))}
        onChange={({ currentTarget: { value } }) => setRole(roles.find((each) => each === value) ?? 'viewer')}
      />
    </FormDialog>
  )
}
