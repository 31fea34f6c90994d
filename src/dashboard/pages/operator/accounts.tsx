import { Anchor, Button, Group, NativeSelect, Paper, Stack, Text, TextInput } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Link, useNavigate } from 'react-router'
import { api, got, type RowOf } from '../api.ts'
import { usePages } from '../paging.ts'
import { AmountField, amountIn } from '../parts/amount-field.tsx'
import { Empty } from '../parts/empty.tsx'
import { Credits } from '../parts/figures.tsx'
import { FormDialog } from '../parts/form-dialog.tsx'
import { Icon } from '../parts/icons.tsx'
import { Id } from '../parts/id.tsx'
import { PageHead } from '../parts/page-head.tsx'
import { type Column, PagedRows } from '../parts/rows.tsx'
import { StateBadge } from '../parts/state-badge.tsx'
import { When } from '../parts/when.tsx'
import { useMay } from '../session.tsx'

type Account = RowOf<'/admin/v1/accounts'>
const statuses = ['active', 'suspended', 'closed'] as const

/** Who owns credits: found by name, and made. */
export default function Accounts() {
  const { t } = useTranslation()
  const may = useMay()
  const [text, setText] = useState('')
  const [status, setStatus] = useState<(typeof statuses)[number]>()
  const [isMaking, setMaking] = useState(false)
  const [typed] = useDebouncedValue(text.trim(), 250)
  const q = typed === '' ? undefined : typed
  const pages = usePages(['accounts', q, status], (cursor) =>
    got(api.GET('/admin/v1/accounts', { params: { query: { q, status, cursor } } })),
  )
  const make = may.change && (
    <Button leftSection={<Icon name="plus" size={16} />} onClick={() => setMaking(true)}>
      {t('accounts.make')}
    </Button>
  )
  const isFiltered = q !== undefined || status !== undefined
  const empty = isFiltered ? (
    <Empty icon="search" title={t('common.nothing')} hint={t('accounts.nothingHint')} />
  ) : (
    <Empty icon="people" title={t('accounts.empty')} hint={t('accounts.emptyHint')} />
  )
  return (
    <>
      <PageHead title={t('nav.accounts')} about={t('accounts.about')}>
        {make}
      </PageHead>
      <Paper withBorder className="panel">
        <Group p="md" gap="sm" role="search">
          <TextInput
            flex="1 1 220px"
            aria-label={t('accounts.search')}
            placeholder={t('accounts.search')}
            leftSection={<Icon name="search" size={16} />}
            value={text}
            onChange={(event) => setText(event.currentTarget.value)}
          />
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
        <PagedRows label={t('nav.accounts')} columns={useColumns()} pages={pages} idOf={({ id }) => id} empty={empty} />
      </Paper>
      {isMaking && <MakeAccount close={() => setMaking(false)} />}
    </>
  )
}

function useColumns(): Column<Account>[] {
  const { t } = useTranslation()
  return [
    {
      name: t('accounts.name'),
      cell: ({ id, name, external_id: external }) => (
        <Stack gap={0}>
          <Anchor component={Link} to={`/accounts/${id}`} size="sm" fw={550} className="breaking">
            {name || t('accounts.erased')}
          </Anchor>
          {external && (
            <Text size="xs" c="dimmed" className="breaking">
              {external}
            </Text>
          )}
        </Stack>
      ),
    },
    { name: t('common.state'), cell: ({ status }) => <StateBadge state={status} /> },
    { name: t('balance.available'), right: true, cell: ({ balance }) => <Credits value={balance.available} /> },
    { name: t('balance.held'), right: true, wide: true, cell: ({ balance }) => <Credits value={balance.held} /> },
    { name: t('common.made'), wide: true, cell: ({ created_at: at }) => <When at={at} /> },
    { name: t('common.id'), wide: true, cell: ({ id }) => <Id id={id} /> },
  ]
}

function MakeAccount({ close }: { readonly close: () => void }) {
  const { t } = useTranslation()
  const navigate = useNavigate()
  const [draft, setDraft] = useState({ name: '', external: '', credits: '' })
  const credits = amountIn(draft.credits)
  const act = async () => {
    const body = {
      name: draft.name.trim(),
      ...(draft.external.trim() === '' ? {} : { external_id: draft.external.trim() }),
      ...(credits === undefined ? {} : { credits }),
    }
    const { id } = await got(api.POST('/admin/v1/accounts', { body }))
    await navigate(`/accounts/${id}`)
  }
  return (
    <FormDialog
      opened
      close={close}
      title={t('accounts.make')}
      verb={t('accounts.makeVerb')}
      ready={draft.name.trim() !== '' && (draft.credits.trim() === '' || credits !== undefined)}
      act={act}
    >
      <TextInput
        label={t('accounts.name')}
        description={t('accounts.nameAbout')}
        required
        maxLength={200}
        data-autofocus
        value={draft.name}
        onChange={(event) => setDraft({ ...draft, name: event.currentTarget.value })}
      />
      <TextInput
        label={t('accounts.external')}
        description={t('accounts.externalAbout')}
        maxLength={200}
        value={draft.external}
        onChange={(event) => setDraft({ ...draft, external: event.currentTarget.value })}
      />
      <AmountField
        label={t('accounts.opening')}
        about={t('accounts.openingAbout')}
        text={draft.credits}
        onText={(text) => setDraft({ ...draft, credits: text })}
      />
    </FormDialog>
  )
}
