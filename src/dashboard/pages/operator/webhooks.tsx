import { Anchor, Button, Group, Paper, Text } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Link } from 'react-router'
import { api, got } from '../api.ts'
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
import { isWebhook, noWebhook, type Webhook, WebhookFields } from './webhook-form.tsx'

/** Who is told what happens. */
export default function Webhooks() {
  const { t } = useTranslation()
  const may = useMay()
  const [isMaking, setMaking] = useState(false)
  const [secret, setSecret] = useState<string>()
  const pages = usePages(['webhooks'], (cursor) =>
    got(api.GET('/admin/v1/webhooks', { params: { query: { cursor } } })),
  )
  const columns: Column<Webhook>[] = [
    {
      name: t('webhooks.url'),
      cell: ({ id, url }) => (
        <Anchor component={Link} to={`/webhooks/${id}`} size="sm" className="breaking">
          {url}
        </Anchor>
      ),
    },
    { name: t('common.state'), cell: ({ enabled }) => <StateBadge state={enabled ? 'enabled' : 'disabled'} /> },
    {
      name: t('webhooks.events'),
      wide: true,
      cell: ({ events }) => (
        <Group gap={4}>
          <Text size="xs" c="dimmed">
            {events.join(', ')}
          </Text>
        </Group>
      ),
    },
    { name: t('common.made'), wide: true, cell: ({ created_at: at }) => <When at={at} /> },
  ]
  return (
    <>
      <PageHead title={t('nav.webhooks')} about={t('webhooks.about')}>
        {may.change && (
          <Button leftSection={<Icon name="plus" size={16} />} onClick={() => setMaking(true)}>
            {t('webhooks.make')}
          </Button>
        )}
      </PageHead>
      <Paper withBorder className="panel">
        <PagedRows
          label={t('nav.webhooks')}
          columns={columns}
          pages={pages}
          idOf={({ id }) => id}
          empty={<Empty icon="bolt" title={t('webhooks.empty')} hint={t('webhooks.emptyHint')} />}
        />
      </Paper>
      {isMaking && <Make close={() => setMaking(false)} onSecret={setSecret} />}
      <SecretOnce secret={secret} title={t('webhooks.secretTitle')} close={() => setSecret(undefined)} />
    </>
  )
}

type Making = { readonly close: () => void; readonly onSecret: (secret: string) => void }

function Make({ close, onSecret }: Making) {
  const { t } = useTranslation()
  const queries = useQueryClient()
  const [draft, setDraft] = useState(noWebhook)
  const act = async () => {
    const body = { url: draft.url.trim(), events: draft.events }
    onSecret((await got(api.POST('/admin/v1/webhooks', { body }))).secret)
    await queries.invalidateQueries({ queryKey: ['webhooks'] })
  }
  return (
    <FormDialog
      opened
      close={close}
      title={t('webhooks.make')}
      verb={t('webhooks.makeVerb')}
      ready={isWebhook(draft)}
      act={act}
    >
      <WebhookFields draft={draft} onDraft={setDraft} />
    </FormDialog>
  )
}
