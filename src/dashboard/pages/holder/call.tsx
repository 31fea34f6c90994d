import { Grid } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { useParams } from 'react-router'
import { api, type Got, got } from '../api.ts'
import { Facts } from '../parts/facts.tsx'
import { Failure } from '../parts/failure.tsx'
import { Bytes, Credits } from '../parts/figures.tsx'
import { Id, short } from '../parts/id.tsx'
import { Outcome } from '../parts/outcome.tsx'
import { PageHead } from '../parts/page-head.tsx'
import { Panel } from '../parts/panel.tsx'
import { WaitingRows } from '../parts/rows.tsx'
import { CallTimeline } from '../parts/timeline.tsx'
import { When } from '../parts/when.tsx'

/** The receipt of one call: what it cost and why, step by step. */
export default function CallPage() {
  const { t } = useTranslation()
  const { id = '' } = useParams()
  const call = useQuery({
    queryKey: ['call', 'own', id],
    queryFn: () => got(api.GET('/portal/v1/calls/{id}', { params: { path: { id } } })),
    refetchInterval: ({ state }) => (state.data?.state === 'held' ? 2000 : false),
  })
  const up = { to: '/calls', name: t('nav.calls') }
  if (!call.data) {
    return (
      <>
        <PageHead title={t('calls.one')} up={up} />
        {call.error ? <Failure error={call.error} again={() => void call.refetch()} /> : <WaitingRows />}
      </>
    )
  }
  return (
    <>
      <PageHead title={short(id)} up={up} beside={<Outcome of={call.data} />} about={<Id id={id} whole />} />
      <Grid>
        <Grid.Col span={{ base: 12, lg: 7 }}>
          <Panel title={t('calls.timeline')}>
            <CallTimeline events={call.data.timeline} />
          </Panel>
        </Grid.Col>
        <Grid.Col span={{ base: 12, lg: 5 }}>
          <Receipt call={call.data} />
        </Grid.Col>
      </Grid>
    </>
  )
}

function Receipt({ call }: { readonly call: Got<'/portal/v1/calls/{id}'> }) {
  const { t } = useTranslation()
  return (
    <Panel title={t('calls.receipt')}>
      <Facts
        facts={[
          [t('calls.charged'), <Credits key="charged" value={call.credits} />],
          [
            t('calls.price'),
            <span key="price">
              <Credits value={call.price} /> · {t('offers.versionTold', { version: call.price_version })}
            </span>,
          ],
          [t('offers.one'), call.offer],
          [t('keys.one'), <Id key="key" id={call.key_id} to={`/calls?key=${call.key_id}`} />],
          [t('calls.reason'), call.reason ?? '–'],
          [t('calls.status'), call.status ?? '–'],
          [t('calls.in'), <Bytes key="in" value={call.bytes_in} />],
          [t('calls.out'), <Bytes key="out" value={call.bytes_out} />],
          [t('calls.began'), <When key="began" at={call.created_at} exact />],
          [t('calls.ended'), <When key="ended" at={call.ended_at} exact />],
          [t('calls.refundedAt'), <When key="refunded" at={call.refunded_at} exact />],
          [t('calls.clientId'), call.client_request_id ?? '–'],
        ]}
      />
    </Panel>
  )
}
