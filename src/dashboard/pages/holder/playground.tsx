import { Grid, Stack, Text } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { api, got, type RowOf } from '../api.ts'
import { Failure } from '../parts/failure.tsx'
import { Credits } from '../parts/figures.tsx'
import { FormDialog } from '../parts/form-dialog.tsx'
import { PageHead } from '../parts/page-head.tsx'
import { Panel } from '../parts/panel.tsx'
import { StateBadge } from '../parts/state-badge.tsx'
import { useCurrent } from '../session.tsx'
import { makePicture } from './make-picture.ts'
import { useMe } from './me.ts'
import { Picture } from './picture.tsx'
import { Samples } from './samples.tsx'
import { firstWish, type PictureWish } from './wish.ts'
import { WishForm } from './wish-form.tsx'

type Offer = RowOf<'/portal/v1/offers'>

const offerId = 'stable-image-core'
const usualPath = '/sd/v2beta/stable-image/generate/core'

/** A first call without a line of code, and the code for the same call. */
export default function Playground() {
  const { t } = useTranslation()
  const [wish, setWish] = useState(firstWish)
  const session = useCurrent()
  const isTest = session.kind === 'account' && session.mode === 'test'
  const { offer, error } = useOffer()
  const path = offer?.paths[0] ?? usualPath
  const { making, make } = useMaking(path)
  const [isAsked, setAsked] = useState(false)
  // What costs nothing needs no question.
  const send = () => (isTest ? make(wish) : setAsked(true))
  return (
    <>
      <PageHead
        title={t('nav.playground')}
        about={t('playground.about')}
        beside={isTest ? <StateBadge state="test" /> : <StateBadge state="live" />}
      />
      <Grid>
        <Grid.Col span={{ base: 12, lg: 5 }}>
          <Panel title={t('playground.wish')}>
            {error && <Failure error={error} />}
            <WishForm
              wish={wish}
              onWish={setWish}
              busy={making.isPending}
              send={send}
              cost={<Cost offer={offer} isTest={isTest} />}
            />
          </Panel>
        </Grid.Col>
        <Grid.Col span={{ base: 12, lg: 7 }}>
          <Stack>
            <Panel title={t('playground.picture')}>
              <Picture made={making.data} isPending={making.isPending} error={making.error} />
            </Panel>
            <Samples wish={wish} url={`${location.origin}${path}`} />
          </Stack>
        </Grid.Col>
      </Grid>
      {isAsked && (
        <FormDialog
          opened
          close={() => setAsked(false)}
          title={t('playground.askTitle')}
          verb={t('playground.make')}
          act={async () => make(wish)}
        >
          <Text size="sm">
            {t('playground.askAbout')} <Credits value={offer?.credits ?? 0} /> {t('playground.unit')}
          </Text>
        </FormDialog>
      )}
    </>
  )
}

function useOffer(): { readonly offer: Offer | undefined; readonly error: Error | null } {
  const { data, error } = useQuery({ queryKey: ['own-offers'], queryFn: () => got(api.GET('/portal/v1/offers')) })
  return { offer: data?.data.find(({ id }) => id === offerId), error }
}

function useMaking(path: string) {
  const queries = useQueryClient()
  const making = useMutation({
    mutationFn: (wish: PictureWish) => makePicture(path, wish),
    onSettled: () => queries.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] !== 'session' }),
  })
  const address = making.data?.address
  useEffect(() => () => void (address && URL.revokeObjectURL(address)), [address])
  return { making, make: (wish: PictureWish) => making.mutate(wish) }
}

function Cost({ offer, isTest }: { readonly offer: Offer | undefined; readonly isTest: boolean }) {
  const { t } = useTranslation()
  const me = useMe()
  if (isTest) return <>{t('playground.free')}</>
  return (
    <>
      {t('playground.costs')} <strong>{offer ? <Credits value={offer.credits} /> : '–'}</strong> {t('playground.unit')}
      {me.data && (
        <Text size="xs" c="dimmed" component="div">
          {t('balance.available')} <Credits value={me.data.balance.available} />
        </Text>
      )}
    </>
  )
}
