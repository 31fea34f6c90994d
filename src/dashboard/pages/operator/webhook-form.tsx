import { Checkbox, Stack, TextInput } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import type { RowOf } from '../api.ts'

export type Webhook = RowOf<'/admin/v1/webhooks'>
export type WebhookDraft = Pick<Webhook, 'url' | 'events'>

const eventNames = [
  'account.balance_low',
  'key.quota_low',
  'token.state_changed',
  'upstream.balance_low',
  'books.imbalance',
  'calls.outcome_unknown',
] as const satisfies readonly Webhook['events'][number][]

export const noWebhook: WebhookDraft = { url: '', events: [] }

export function isWebhook({ url, events }: WebhookDraft): boolean {
  return url.trim() !== '' && events.length > 0
}

type Fields = { readonly draft: WebhookDraft; readonly onDraft: (draft: WebhookDraft) => void }

/** Where it is told, and of what. */
export function WebhookFields({ draft, onDraft }: Fields) {
  const { t } = useTranslation()
  return (
    <Stack gap="sm">
      <TextInput
        type="url"
        label={t('webhooks.url')}
        description={t('webhooks.urlAbout')}
        placeholder="https://example.com/hooks/tollgate"
        required
        data-autofocus
        value={draft.url}
        onChange={(event) => onDraft({ ...draft, url: event.currentTarget.value })}
      />
      <Checkbox.Group
        label={t('webhooks.events')}
        required
        value={[...draft.events]}
        onChange={(names) => onDraft({ ...draft, events: eventNames.filter((name) => names.includes(name)) })}
      >
        <Stack gap="xs" mt={6}>
          {eventNames.map((name) => (
            <Checkbox key={name} value={name} label={name} description={t(`webhooks.event.${keyOf(name)}`)} />
          ))}
        </Stack>
      </Checkbox.Group>
    </Stack>
  )
}

/** A dot in a key would be a step down in the texts. */
function keyOf<Name extends string>(name: Name) {
  return name.replace('.', '_') as Name extends `${infer Noun}.${infer Rest}` ? `${Noun}_${Rest}` : Name
}
