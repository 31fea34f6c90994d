import { ActionIcon, Group, Menu, Stack, Text } from '@mantine/core'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import type { RowOf } from '../api.ts'
import type { Pages } from '../paging.ts'
import { Icon } from './icons.tsx'
import { Id } from './id.tsx'
import { LimitsTold } from './limits-told.tsx'
import { type Column, PagedRows } from './rows.tsx'
import { StateBadge } from './state-badge.tsx'
import { When } from './when.tsx'

export type Key = RowOf<'/admin/v1/keys'>
export type KeyAct = 'edit' | 'rotate' | 'revoke' | 'calls'

type Shown = {
  readonly pages: Pages<Key>
  readonly empty: ReactNode
  /** What can be done with a key, and what is done when it is chosen. */
  readonly acts: readonly KeyAct[]
  readonly onAct: (act: KeyAct, key: Key) => void
  /** The id of the key one is signed in with. */
  readonly own?: string
  readonly more?: readonly Column<Key>[]
}

export function KeysTable({ pages, empty, acts, onAct, own, more = [] }: Shown) {
  const { t } = useTranslation()
  const columns: Column<Key>[] = [
    { name: t('keys.name'), cell: (key) => <Name of={key} own={own} /> },
    {
      name: t('common.state'),
      cell: (key) => (
        <Group gap={4}>
          <StateBadge state={key.status} />
          <StateBadge state={key.mode} />
        </Group>
      ),
    },
    ...more,
    { name: t('limits.title'), wide: true, cell: (key) => <LimitsTold {...key} /> },
    { name: t('keys.lastUsed'), wide: true, cell: (key) => <When at={key.last_used_at} none={t('common.never')} /> },
    { name: t('common.made'), wide: true, cell: (key) => <When at={key.created_at} /> },
  ]
  const actions: Column<Key> = {
    name: t('common.actions'),
    nameless: true,
    right: true,
    cell: (key) => <Acts of={key} acts={acts} onAct={onAct} />,
  }
  return (
    <PagedRows
      label={t('keys.title')}
      columns={acts.length > 0 ? [...columns, actions] : columns}
      pages={pages}
      idOf={({ id }) => id}
      empty={empty}
    />
  )
}

function Name({ of: key, own }: { readonly of: Key; readonly own: string | undefined }) {
  const { t } = useTranslation()
  return (
    <Stack gap={0}>
      <Text size="sm" fw={550} className="breaking">
        {key.name}
        {key.id === own && (
          <Text span size="xs" c="dimmed">
            {' '}
            {t('keys.yours')}
          </Text>
        )}
      </Text>
      <Group gap={6} wrap="nowrap">
        <Text size="xs" c="dimmed" ff="monospace">
          {key.hint}…
        </Text>
        <Text component="div" size="xs" c="dimmed" visibleFrom="lg">
          <Id id={key.id} />
        </Text>
      </Group>
    </Stack>
  )
}

const icons = { edit: 'sliders', rotate: 'key', revoke: 'leave', calls: 'calls' } as const

function Acts({ of: key, acts, onAct }: Pick<Shown, 'acts' | 'onAct'> & { readonly of: Key }) {
  const { t } = useTranslation()
  const possible = acts.filter((act) => act === 'calls' || key.status === 'active')
  if (possible.length === 0) return null
  return (
    <Menu position="bottom-end" width={190}>
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" aria-label={t('keys.actionsOf', { name: key.name })}>
          ⋯
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        {possible.map((act) => (
          <Menu.Item
            key={act}
            color={act === 'revoke' ? 'var(--mantine-color-error)' : undefined}
            leftSection={<Icon name={icons[act]} size={15} />}
            onClick={() => onAct(act, key)}
          >
            {t(`keys.acts.${act}`)}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  )
}
