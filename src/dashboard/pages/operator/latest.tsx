import { Anchor, Group, Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { Link } from 'react-router'
import { api, got, type RowOf } from '../api.ts'
import { CallLink } from '../parts/call-link.tsx'
import { Empty } from '../parts/empty.tsx'
import { Count, Credits } from '../parts/figures.tsx'
import { Id } from '../parts/id.tsx'
import { Outcome } from '../parts/outcome.tsx'
import { Panel } from '../parts/panel.tsx'
import { Rows, WholeList } from '../parts/rows.tsx'
import { StateBadge } from '../parts/state-badge.tsx'

type Call = RowOf<'/admin/v1/calls'>

const counted = 100
const shown = 6

/** The newest calls, and what became of the last hundred. */
export function Latest() {
  const { t } = useTranslation()
  const list = useQuery({
    queryKey: ['calls', 'latest'],
    queryFn: () => got(api.GET('/admin/v1/calls', { params: { query: { limit: counted } } })),
    refetchInterval: 10_000,
  })
  const all = (
    <Anchor component={Link} to="/calls" size="sm">
      {t('overview.allCalls')}
    </Anchor>
  )
  return (
    <Panel title={t('overview.latest')} flush beside={all}>
      <WholeList list={list} empty={<Empty icon="calls" title={t('calls.empty')} hint={t('calls.emptyHint')} />}>
        {(calls) => (
          <>
            <Outcomes calls={calls} />
            <LatestRows calls={calls.slice(0, shown)} />
          </>
        )}
      </WholeList>
    </Panel>
  )
}

function LatestRows({ calls }: { readonly calls: readonly Call[] }) {
  const { t } = useTranslation()
  const columns = [
    { name: t('common.when'), cell: (call: Call) => <CallLink call={call} /> },
    { name: t('calls.one'), wide: true, cell: ({ id }: Call) => <Id id={id} to={`/calls/${id}`} /> },
    { name: t('calls.outcome'), cell: (call: Call) => <Outcome of={call} /> },
    { name: t('common.credits'), right: true, cell: ({ credits }: Call) => <Credits value={credits} /> },
  ]
  return <Rows label={t('overview.latest')} columns={columns} rows={calls} idOf={({ id }) => id} />
}

const outcomes = ['succeeded', 'filtered', 'failed', 'unknown', 'recovered', 'held'] as const

function Outcomes({ calls }: { readonly calls: readonly Call[] }) {
  const { t } = useTranslation()
  const count = (outcome: string) => calls.filter((call) => (call.outcome ?? 'held') === outcome).length
  return (
    <Stack gap={8} px="md" pb="sm">
      <div className="parts" aria-hidden="true">
        {outcomes.map((outcome) => (
          <span key={outcome} data-outcome={outcome} style={{ flexGrow: count(outcome) }} />
        ))}
      </div>
      <Group gap="md" component="ul" className="plain">
        {outcomes
          .filter((outcome) => count(outcome) > 0)
          .map((outcome) => (
            <li key={outcome}>
              <StateBadge state={outcome} />{' '}
              <Text span size="sm">
                <Count value={count(outcome)} />
              </Text>
            </li>
          ))}
        <Text component="li" size="xs" c="dimmed">
          {t('overview.ofLast', { count: calls.length })}
        </Text>
      </Group>
    </Stack>
  )
}
