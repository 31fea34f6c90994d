import { Button, Menu, Stack } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useParams } from 'react-router'
import { api, got, gotTagged } from '../api.ts'
import { Facts } from '../parts/facts.tsx'
import { Failure } from '../parts/failure.tsx'
import { Id } from '../parts/id.tsx'
import { PageHead } from '../parts/page-head.tsx'
import { Panel } from '../parts/panel.tsx'
import { WaitingRows } from '../parts/rows.tsx'
import { StateBadge } from '../parts/state-badge.tsx'
import { When } from '../parts/when.tsx'
import { useMay } from '../session.tsx'
import { Deliveries } from './deliveries.tsx'
import { type TaggedWebhook, type WebhookAct, WebhookActs } from './webhook-acts.tsx'

/** One webhook and what was sent to it. */
export default function WebhookPage() {
  const { t } = useTranslation()
  const { id = '' } = useParams()
  const webhook = useQuery({
    queryKey: ['webhooks', id],
    queryFn: () => gotTagged(api.GET('/admin/v1/webhooks/{id}', { params: { path: { id } } })),
  })
  const up = { to: '/webhooks', name: t('nav.webhooks') }
  if (!webhook.data) {
    return (
      <>
        <PageHead title={t('webhooks.one')} up={up} />
        {webhook.error ? <Failure error={webhook.error} again={() => void webhook.refetch()} /> : <WaitingRows />}
      </>
    )
  }
  const { url, enabled, events, created_at: at } = webhook.data.body
  return (
    <>
      <PageHead
        title={t('webhooks.one')}
        up={up}
        beside={<StateBadge state={enabled ? 'enabled' : 'disabled'} />}
        about={<Id id={id} whole />}
      >
        <Actions webhook={webhook.data} />
      </PageHead>
      <Stack>
        <Panel title={t('webhooks.particulars')}>
          <Facts
            facts={[
              [t('webhooks.url'), url],
              [t('webhooks.events'), events.join(', ')],
              [t('common.made'), <When key="at" at={at} />],
            ]}
          />
        </Panel>
        <Deliveries webhookId={id} />
      </Stack>
    </>
  )
}

function Actions({ webhook }: { readonly webhook: TaggedWebhook }) {
  const { t } = useTranslation()
  const may = useMay()
  const queries = useQueryClient()
  const [act, setAct] = useState<WebhookAct>()
  const { id, enabled } = webhook.body
  const testing = useMutation({
    mutationFn: () => got(api.POST('/admin/v1/webhooks/{id}/test', { params: { path: { id } } })),
    onSettled: () => queries.invalidateQueries({ queryKey: ['deliveries', id] }),
  })
  if (!may.change) return null
  return (
    <>
      {testing.error && <Failure error={testing.error} />}
      {enabled && (
        <Button variant="default" loading={testing.isPending} onClick={() => testing.mutate()}>
          {t('webhooks.test')}
        </Button>
      )}
      <Menu position="bottom-end" width={180}>
        <Menu.Target>
          <Button variant="default">{t('common.actions')}</Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item onClick={() => setAct('change')}>{t('webhooks.change')}</Menu.Item>
          <Menu.Item onClick={() => setAct(enabled ? 'disable' : 'enable')}>
            {t(enabled ? 'webhooks.disable' : 'webhooks.enable')}
          </Menu.Item>
          <Menu.Item color="var(--mantine-color-error)" onClick={() => setAct('delete')}>
            {t('webhooks.delete')}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      {act && <WebhookActs webhook={webhook} act={act} close={() => setAct(undefined)} />}
    </>
  )
}
