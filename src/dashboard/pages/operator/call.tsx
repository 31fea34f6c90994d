import { Alert, Button, Grid, Stack, Text, TextInput } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useParams } from 'react-router'
import { api, type Got, got } from '../api.ts'
import { Facts } from '../parts/facts.tsx'
import { Failure } from '../parts/failure.tsx'
import { Bytes, Credits, Milliseconds } from '../parts/figures.tsx'
import { FormDialog } from '../parts/form-dialog.tsx'
import { Icon } from '../parts/icons.tsx'
import { Id, short } from '../parts/id.tsx'
import { Outcome } from '../parts/outcome.tsx'
import { PageHead } from '../parts/page-head.tsx'
import { Panel } from '../parts/panel.tsx'
import { WaitingRows } from '../parts/rows.tsx'
import { CallTimeline } from '../parts/timeline.tsx'
import { When } from '../parts/when.tsx'
import { useMay } from '../session.tsx'
import { AccountName } from './account-name.tsx'

type Call = Got<'/admin/v1/calls/{id}'>

/** One call: why it cost what it cost, step by step, and giving the charge back. */
export default function CallPage() {
  const { t } = useTranslation()
  const { id = '' } = useParams()
  const call = useQuery({
    queryKey: ['call', id],
    queryFn: () => got(api.GET('/admin/v1/calls/{id}', { params: { path: { id } } })),
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
      <PageHead title={short(id)} up={up} beside={<Outcome of={call.data} />} about={<Id id={id} whole />}>
        <Refund call={call.data} />
      </PageHead>
      <Stack>
        {call.data.upstream_may_bill && (
          <Alert color="orange" variant="light" icon={<Icon name="warning" />}>
            {t('calls.mayBill')}
          </Alert>
        )}
        <Grid>
          <Grid.Col span={{ base: 12, lg: 7 }}>
            <Panel title={t('calls.timeline')}>
              <CallTimeline events={call.data.timeline} />
            </Panel>
          </Grid.Col>
          <Grid.Col span={{ base: 12, lg: 5 }}>
            <Particulars call={call.data} />
          </Grid.Col>
        </Grid>
      </Stack>
    </>
  )
}

function Particulars({ call }: { readonly call: Call }) {
  const { t } = useTranslation()
  return (
    <Panel title={t('calls.particulars')}>
      <Facts
        facts={[
          [t('accounts.one'), <AccountName key="account" id={call.account_id} />],
          [t('keys.one'), <Id key="key" id={call.key_id} to={`/calls?key=${call.key_id}`} />],
          [t('offers.one'), call.offer],
          [t('calls.charged'), <Credits key="credits" value={call.credits} />],
          [
            t('calls.price'),
            <span key="price">
              <Credits value={call.price} /> · {t('offers.versionTold', { version: call.price_version })}
            </span>,
          ],
          [t('calls.reason'), call.reason ?? '–'],
          [t('calls.status'), call.status ?? '–'],
          [t('calls.upstreamStatus'), call.upstream_status ?? '–'],
          [t('calls.attempts'), call.attempts],
          [t('calls.took'), <Milliseconds key="ms" value={call.upstream_ms} />],
          [t('calls.in'), <Bytes key="in" value={call.bytes_in} />],
          [t('calls.out'), <Bytes key="out" value={call.bytes_out} />],
          [t('tokens.one'), call.token_id ? <Id key="token" id={call.token_id} to="/tokens" /> : '–'],
          [t('calls.began'), <When key="began" at={call.created_at} exact />],
          [t('calls.ended'), <When key="ended" at={call.ended_at} exact />],
          [t('calls.clientId'), call.client_request_id ?? '–'],
        ]}
      />
    </Panel>
  )
}

function Refund({ call }: { readonly call: Call }) {
  const { t } = useTranslation()
  const may = useMay()
  const queries = useQueryClient()
  const [isAsked, setAsked] = useState(false)
  const [reason, setReason] = useState('')
  if (!may.change || call.state !== 'settled' || call.credits === 0 || call.refunded_at !== null) return null
  const act = async () => {
    const body = { reason: reason.trim() }
    await got(api.POST('/admin/v1/calls/{id}/refund', { params: { path: { id: call.id } }, body }))
    await queries.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] !== 'session' })
  }
  return (
    <>
      <Button variant="default" onClick={() => setAsked(true)}>
        {t('calls.refund')}
      </Button>
      {isAsked && (
        <FormDialog
          opened
          close={() => setAsked(false)}
          title={t('calls.refundTitle')}
          verb={t('calls.refundVerb')}
          ready={reason.trim() !== ''}
          act={act}
        >
          <Text size="sm">
            {t('calls.refundAbout')} <Credits value={call.credits} />
          </Text>
          <TextInput
            label={t('common.reason')}
            description={t('accounts.reasonAbout')}
            required
            maxLength={200}
            data-autofocus
            value={reason}
            onChange={(event) => setReason(event.currentTarget.value)}
          />
        </FormDialog>
      )}
    </>
  )
}
