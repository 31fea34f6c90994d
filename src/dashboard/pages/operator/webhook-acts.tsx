import { Text } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useNavigate } from 'react-router'
import { api, done, got } from '../api.ts'
import { FormDialog } from '../parts/form-dialog.tsx'
import { isWebhook, type Webhook, WebhookFields } from './webhook-form.tsx'

export type TaggedWebhook = { readonly body: Webhook; readonly tag: string }
export type WebhookAct = 'change' | 'enable' | 'disable' | 'delete'

type Shown = { readonly webhook: TaggedWebhook; readonly act: WebhookAct; readonly close: () => void }

export function WebhookActs({ webhook, act, close }: Shown) {
  const { t } = useTranslation()
  const queries = useQueryClient()
  const navigate = useNavigate()
  const [draft, setDraft] = useState({ url: webhook.body.url, events: webhook.body.events })
  const { id } = webhook.body
  const at = { params: { path: { id } }, headers: { 'if-match': webhook.tag } }
  const fresh = () => queries.invalidateQueries({ queryKey: ['webhooks'] })
  const acts = {
    change: () => got(api.PATCH('/admin/v1/webhooks/{id}', { ...at, body: draft })),
    enable: () => got(api.PATCH('/admin/v1/webhooks/{id}', { ...at, body: { enabled: true } })),
    disable: () => got(api.PATCH('/admin/v1/webhooks/{id}', { ...at, body: { enabled: false } })),
    delete: () => done(api.DELETE('/admin/v1/webhooks/{id}', at)),
  }
  const run = async () => {
    await acts[act]()
    if (act === 'delete') await navigate('/webhooks')
    await fresh()
  }
  return (
    <FormDialog
      opened
      close={close}
      danger={act === 'delete'}
      title={t(`webhooks.${act}Title`)}
      verb={t(act === 'change' ? 'common.save' : `webhooks.${act}`)}
      ready={act !== 'change' || isWebhook(draft)}
      act={run}
    >
      {act === 'change' ? (
        <WebhookFields draft={draft} onDraft={setDraft} />
      ) : (
        <Text size="sm">{t(`webhooks.${act}About`)}</Text>
      )}
    </FormDialog>
  )
}
