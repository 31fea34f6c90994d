import { Anchor, Modal, Stack, Text } from '@mantine/core'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { api, got, type RowOf } from '../api.ts'
import { usePages } from '../paging.ts'
import { Empty } from '../parts/empty.tsx'
import { Facts } from '../parts/facts.tsx'
import { Id } from '../parts/id.tsx'
import { Panel } from '../parts/panel.tsx'
import { type Column, PagedRows } from '../parts/rows.tsx'
import { StateBadge } from '../parts/state-badge.tsx'
import { When } from '../parts/when.tsx'

type Delivery = RowOf<'/admin/v1/webhooks/{id}/deliveries'>

/** What was sent to a webhook, and whether it arrived. */
export function Deliveries({ webhookId: id }: { readonly webhookId: string }) {
  const { t } = useTranslation()
  const [shown, setShown] = useState<Delivery>()
  const pages = usePages(
    ['deliveries', id],
    (cursor) => got(api.GET('/admin/v1/webhooks/{id}/deliveries', { params: { path: { id }, query: { cursor } } })),
    { everyMs: 5000 },
  )
  const columns: Column<Delivery>[] = [
    { name: t('common.when'), cell: ({ created_at: at }) => <When at={at} exact /> },
    {
      name: t('deliveries.event'),
      cell: (delivery) => (
        <Anchor component="button" type="button" size="sm" onClick={() => setShown(delivery)}>
          {delivery.event}
        </Anchor>
      ),
    },
    { name: t('common.state'), cell: ({ state }) => <StateBadge state={state} /> },
    { name: t('deliveries.attempts'), right: true, cell: ({ attempts }) => attempts },
    {
      name: t('deliveries.last'),
      wide: true,
      cell: ({ last_status: status, last_error: word }) => status ?? word ?? '–',
    },
    { name: t('deliveries.next'), wide: true, cell: ({ next_attempt_at: at }) => <When at={at} exact /> },
  ]
  return (
    <Panel title={t('deliveries.title')} flush>
      <PagedRows
        label={t('deliveries.title')}
        columns={columns}
        pages={{ ...pages, hasNextPage: false }}
        idOf={({ id }) => id}
        empty={<Empty icon="bolt" title={t('deliveries.empty')} hint={t('deliveries.emptyHint')} />}
      />
      <Modal
        opened={shown !== undefined}
        onClose={() => setShown(undefined)}
        title={t('deliveries.one')}
        size="lg"
        centered
        closeButtonProps={{ 'aria-label': t('common.close') }}
      >
        {shown && <Told delivery={shown} />}
      </Modal>
    </Panel>
  )
}

function Told({ delivery }: { readonly delivery: Delivery }) {
  const { t } = useTranslation()
  return (
    <Stack>
      <Facts
        facts={[
          [t('common.id'), <Id key="id" id={delivery.id} whole />],
          [t('common.state'), <StateBadge key="state" state={delivery.state} />],
          [t('deliveries.attempts'), delivery.attempts],
          [t('deliveries.last'), delivery.last_status ?? delivery.last_error ?? '–'],
          [t('deliveries.next'), <When key="next" at={delivery.next_attempt_at} exact />],
          [t('deliveries.ended'), <When key="ended" at={delivery.ended_at} exact />],
        ]}
      />
      <Text size="sm" fw={600}>
        {t('deliveries.payload')}
      </Text>
      <pre className="told">{JSON.stringify(delivery.payload, null, 2)}</pre>
    </Stack>
  )
}
