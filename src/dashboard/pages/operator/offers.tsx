import { Button, Code, Paper, Stack, Switch, Text, TextInput } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { api, got, type RowOf } from '../api.ts'
import { AmountField, amountIn } from '../parts/amount-field.tsx'
import { Credits } from '../parts/figures.tsx'
import { FormDialog } from '../parts/form-dialog.tsx'
import { PageHead } from '../parts/page-head.tsx'
import { type Column, Rows, WholeList } from '../parts/rows.tsx'
import { StateBadge } from '../parts/state-badge.tsx'
import { useMay } from '../session.tsx'

type Offer = RowOf<'/admin/v1/offers'>

/** What is for sale and at which price; every change is a new version of the price. */
export default function Offers() {
  const { t } = useTranslation()
  const may = useMay()
  const list = useQuery({
    queryKey: ['offers'],
    queryFn: () => got(api.GET('/admin/v1/offers')),
  })
  const [chosen, setChosen] = useState<Offer>()
  const columns: Column<Offer>[] = [
    {
      name: t('offers.one'),
      cell: ({ id, method, paths }) => (
        <Stack gap={2}>
          <Text size="sm" fw={550}>
            {id}
          </Text>
          <Code className="breaking">
            {method} {paths[0]}
          </Code>
        </Stack>
      ),
    },
    { name: t('common.state'), cell: ({ enabled }) => <StateBadge state={enabled ? 'enabled' : 'disabled'} /> },
    { name: t('offers.price'), right: true, cell: ({ credits }) => <Credits value={credits} /> },
    { name: t('offers.version'), right: true, wide: true, cell: ({ price_version: version }) => version },
    { name: t('offers.upstream'), wide: true, cell: ({ upstream }) => upstream },
  ]
  const change: Column<Offer> = {
    name: t('common.actions'),
    nameless: true,
    right: true,
    cell: (offer) => (
      <Button
        size="compact-xs"
        variant="default"
        aria-label={t('offers.changeOne', { id: offer.id })}
        onClick={() => setChosen(offer)}
      >
        {t('offers.change')}
      </Button>
    ),
  }
  return (
    <>
      <PageHead title={t('nav.offers')} about={t('offers.about')} />
      <Paper withBorder className="panel">
        <WholeList list={list}>
          {(rows) => (
            <Rows
              label={t('nav.offers')}
              columns={may.change ? [...columns, change] : columns}
              rows={rows}
              idOf={({ id }) => id}
            />
          )}
        </WholeList>
      </Paper>
      {chosen && <Reprice offer={chosen} close={() => setChosen(undefined)} />}
    </>
  )
}

function Reprice({ offer, close }: { readonly offer: Offer; readonly close: () => void }) {
  const { t } = useTranslation()
  const queries = useQueryClient()
  const [price, setPrice] = useState(String(offer.credits))
  const [enabled, setEnabled] = useState(offer.enabled)
  const [reason, setReason] = useState('')
  const credits = amountIn(price)
  const isChanged = enabled !== offer.enabled || credits !== offer.credits
  const act = async () => {
    const body = { enabled, credits: credits ?? offer.credits, reason: reason.trim() }
    const headers = { 'if-match': `"${offer.price_version}"` }
    await got(api.PATCH('/admin/v1/offers/{id}', { params: { path: { id: offer.id } }, body, headers }))
    await queries.invalidateQueries({ queryKey: ['offers'] })
  }
  return (
    <FormDialog
      opened
      close={close}
      title={t('offers.changeOne', { id: offer.id })}
      verb={t('offers.changeVerb')}
      ready={credits !== undefined && isChanged && reason.trim() !== ''}
      act={act}
    >
      <Text size="sm">{t('offers.changeAbout', { version: offer.price_version + 1 })}</Text>
      <AmountField label={t('offers.newPrice')} required text={price} onText={setPrice} />
      <Switch
        label={t('offers.forSale')}
        checked={enabled}
        onChange={(event) => setEnabled(event.currentTarget.checked)}
      />
      <TextInput
        label={t('common.reason')}
        description={t('offers.reasonAbout')}
        required
        maxLength={200}
        value={reason}
        onChange={(event) => setReason(event.currentTarget.value)}
      />
    </FormDialog>
  )
}
