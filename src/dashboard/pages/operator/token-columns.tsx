import { Text } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import type { RowOf } from '../api.ts'
import { Credits } from '../parts/figures.tsx'
import type { Column } from '../parts/rows.tsx'
import { StateBadge } from '../parts/state-badge.tsx'

export type Token = RowOf<'/admin/v1/tokens'>

export function useTokenColumns(): Column<Token>[] {
  const { t } = useTranslation()
  return [
    {
      name: t('tokens.one'),
      cell: ({ hint, upstream }) => (
        <>
          <Text span size="sm" ff="monospace">
            …{hint}
          </Text>{' '}
          <Text span size="xs" c="dimmed">
            {upstream}
          </Text>
        </>
      ),
    },
    { name: t('common.state'), cell: ({ state }) => <StateBadge state={state} /> },
    {
      name: t('tokens.balance'),
      right: true,
      cell: ({ credits }) => (credits === null ? '–' : <Credits value={credits} />),
    },
  ]
}
