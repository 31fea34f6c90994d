import { Code, Paper, Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { api, got, type RowOf } from '../api.ts'
import { PageHead } from '../parts/page-head.tsx'
import { type Column, Rows, WholeList } from '../parts/rows.tsx'
import { Pill } from '../parts/state-badge.tsx'

type Setting = RowOf<'/admin/v1/settings'>

/** How the house was started; changed in its environment and nowhere else. */
export default function Settings() {
  const { t } = useTranslation()
  const list = useQuery({
    queryKey: ['settings'],
    queryFn: () => got(api.GET('/admin/v1/settings')),
    staleTime: 60_000,
  })
  const columns: Column<Setting>[] = [
    {
      name: t('settings.name'),
      cell: ({ name, about }) => (
        <Stack gap={2} maw={520}>
          <Text size="sm" ff="monospace" fw={550} className="breaking">
            {name}
          </Text>
          <Text size="xs" c="dimmed" lang="en">
            {about}
          </Text>
        </Stack>
      ),
    },
    { name: t('settings.value'), cell: (setting) => <Value of={setting} /> },
    {
      name: t('settings.default'),
      wide: true,
      cell: ({ default: usual }) => (usual === null || usual === '' ? '–' : <Code className="breaking">{usual}</Code>),
    },
  ]
  return (
    <>
      <PageHead title={t('nav.settings')} about={t('settings.about')} />
      <Paper withBorder className="panel">
        <WholeList list={list}>
          {(rows) => <Rows label={t('nav.settings')} columns={columns} rows={rows} idOf={({ name }) => name} />}
        </WholeList>
      </Paper>
    </>
  )
}

function Value({ of: { value, secret } }: { readonly of: Setting }) {
  const { t } = useTranslation()
  if (value === null) return <span>{t('settings.unset')}</span>
  if (secret && value === 'set') {
    return <Pill tone="good">{t('settings.set')}</Pill>
  }
  return <Code className="breaking">{value}</Code>
}
