import { Box, Group, Text, Timeline } from '@mantine/core'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import type { Got } from '../api.ts'
import { Bytes, Credits, Milliseconds } from './figures.tsx'
import { Icon, type IconName } from './icons.tsx'
import { Clock } from './when.tsx'

type Whole = Got<'/admin/v1/calls/{id}'>['timeline'][number]
/** Key holders are not told which token served them. */
type Event = Omit<Whole, 'token'> & Partial<Pick<Whole, 'token'>>

const icons: Readonly<Record<Event['event'], IconName>> = {
  accepted: 'key',
  priced: 'tag',
  held: 'coin',
  attempt: 'bolt',
  judged: 'shield',
  settled: 'check',
  released: 'leave',
  refunded: 'coin',
}

/** A call step by step: what happened, when, and what it meant for the money. */
export function CallTimeline({ events }: { readonly events: readonly Event[] }) {
  const { t } = useTranslation()
  return (
    <Timeline bulletSize={28} lineWidth={2} active={events.length - 1} color="indigo">
      {events.map((event, place) => (
        <Timeline.Item
          // biome-ignore lint/suspicious/noArrayIndexKey: steps have no name of their own and never change places.
          key={place}
          bullet={<Icon name={icons[event.event]} size={15} />}
          color={event.event === 'attempt' && (event.status ?? 0) !== 200 ? 'orange' : undefined}
          title={
            <Group justify="space-between" gap="xs">
              <Text fw={600} size="sm">
                {t(`calls.events.${event.event}`)}
              </Text>
              {event.at && (
                <Text size="xs" c="dimmed">
                  <Clock at={event.at} />
                </Text>
              )}
            </Group>
          }
        >
          <Text size="sm" c="dimmed" className="breaking">
            <Told of={event} />
          </Text>
          <Particulars of={event} />
        </Timeline.Item>
      ))}
    </Timeline>
  )
}

/** What happened in the reader's language; the sentence of the API is English. */
function Told({ of: { event, key, token, price_version: version, status, reason } }: { readonly of: Event }) {
  const { t } = useTranslation()
  const because = reason ? t('calls.told.because', { reason }) : ''
  const withToken = token ? t('calls.told.withToken', { hint: token.hint }) : ''
  const answered = status ? t('calls.told.answered', { status }) : t('calls.told.silent')
  const sentences = {
    accepted: key ? t('calls.told.accepted', { name: key.name, hint: key.hint }) : '',
    priced: t('calls.told.priced', { version }),
    held: t('calls.told.held'),
    attempt: [answered, because, withToken].filter(Boolean).join(' '),
    judged: because,
    settled: t('calls.told.settled'),
    released: t('calls.told.released'),
    refunded: t('calls.told.refunded', { reason }),
  } satisfies Record<Event['event'], string>
  return <>{sentences[event]}</>
}

function Particulars({ of: event }: { readonly of: Event }) {
  const { t } = useTranslation()
  const { credits, status, ms, bytes, posted_after: posted } = event
  return (
    <Group gap="md" mt={4}>
      {credits !== undefined && <Particular name={t('common.credits')} value={<Credits value={credits} />} />}
      {posted !== undefined && <Particular name={t('entries.postedAfter')} value={<Credits value={posted} />} />}
      {status !== undefined && <Particular name={t('calls.status')} value={status} />}
      {ms !== undefined && <Particular name={t('calls.took')} value={<Milliseconds value={ms} />} />}
      {bytes !== undefined && <Particular name={t('calls.bytes')} value={<Bytes value={bytes} />} />}
    </Group>
  )
}

function Particular({ name, value }: { readonly name: string; readonly value: ReactNode }) {
  return (
    <Box fz="xs">
      <Text span inherit c="dimmed">
        {name}{' '}
      </Text>
      <Text span inherit fw={600} className="figure">
        {value}
      </Text>
    </Box>
  )
}
