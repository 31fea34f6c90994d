import { Anchor, Button, Grid, Group, Modal, Paper, Stack, Text, TextInput } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { api, got, type RowOf } from '../api.ts'
import { usePages } from '../paging.ts'
import { Empty } from '../parts/empty.tsx'
import { Facts } from '../parts/facts.tsx'
import { Id } from '../parts/id.tsx'
import { PageHead } from '../parts/page-head.tsx'
import { type Column, PagedRows } from '../parts/rows.tsx'
import { When } from '../parts/when.tsx'

type Change = RowOf<'/admin/v1/audit'>

const none = { actor: '', action: '', subject: '' }

/** Who changed what, and what it was before and after. */
export default function Audit() {
  const { t } = useTranslation()
  const [typed, setTyped] = useState(none)
  const [shown, setShown] = useState<Change>()
  const [wanted] = useDebouncedValue(typed, 250)
  const query = Object.fromEntries(Object.entries(wanted).filter(([, value]) => value.trim() !== ''))
  const pages = usePages(['audit', query], (cursor) =>
    got(api.GET('/admin/v1/audit', { params: { query: { ...query, cursor } } })),
  )
  const columns: Column<Change>[] = [
    { name: t('common.when'), cell: ({ created_at: at }) => <When at={at} exact /> },
    {
      name: t('audit.action'),
      cell: (change) => (
        <Anchor component="button" type="button" size="sm" onClick={() => setShown(change)}>
          {change.action}
        </Anchor>
      ),
    },
    { name: t('audit.actor'), wide: true, cell: ({ actor }) => <Id id={actor} /> },
    { name: t('audit.subject'), cell: ({ subject }) => <Id id={subject} to={placeOf(subject)} /> },
  ]
  const isFiltered = Object.keys(query).length > 0
  return (
    <>
      <PageHead title={t('nav.audit')} about={t('audit.about')} />
      <Paper withBorder className="panel">
        <Group p="md" gap="sm" align="flex-end" role="search">
          {(['action', 'actor', 'subject'] as const).map((name) => (
            <TextInput
              key={name}
              size="xs"
              flex="1 1 140px"
              label={t(`audit.${name}`)}
              value={typed[name]}
              onChange={(event) => setTyped({ ...typed, [name]: event.currentTarget.value })}
            />
          ))}
          {isFiltered && (
            <Button size="xs" variant="default" onClick={() => setTyped(none)}>
              {t('common.clear')}
            </Button>
          )}
        </Group>
        <PagedRows
          label={t('nav.audit')}
          columns={columns}
          pages={pages}
          idOf={({ id }) => id}
          empty={
            <Empty
              icon="list"
              title={t(isFiltered ? 'common.nothing' : 'audit.empty')}
              hint={t(isFiltered ? 'audit.nothingHint' : 'audit.emptyHint')}
            />
          }
        />
      </Paper>
      <Modal
        opened={shown !== undefined}
        onClose={() => setShown(undefined)}
        title={shown?.action}
        size="xl"
        centered
        closeButtonProps={{ 'aria-label': t('common.close') }}
      >
        {shown && <Told change={shown} />}
      </Modal>
    </>
  )
}

function Told({ change }: { readonly change: Change }) {
  const { t } = useTranslation()
  return (
    <Stack>
      <Facts
        facts={[
          [t('common.when'), <When key="at" at={change.created_at} exact />],
          [t('audit.actor'), <Id key="actor" id={change.actor} whole />],
          [t('audit.subject'), <Id key="subject" id={change.subject} to={placeOf(change.subject)} whole />],
        ]}
      />
      <Grid>
        {(['before', 'after'] as const).map((side) => (
          <Grid.Col key={side} span={{ base: 12, sm: 6 }}>
            <Text size="sm" fw={600} mb={4}>
              {t(`audit.${side}`)}
            </Text>
            <pre className="told">{change[side] === null ? '–' : JSON.stringify(change[side], null, 2)}</pre>
          </Grid.Col>
        ))}
      </Grid>
    </Stack>
  )
}

const places: Readonly<Record<string, string>> = { acc: 'accounts', call: 'calls', wh: 'webhooks' }

/** The page of what was changed, where it has one. */
function placeOf(subject: string): string | undefined {
  const place = places[subject.slice(0, subject.indexOf('_'))]
  return place && `/${place}/${subject}`
}
