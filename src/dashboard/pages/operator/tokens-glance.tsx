import { Anchor, Box } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { Link } from 'react-router'
import { Empty } from '../parts/empty.tsx'
import { Failure } from '../parts/failure.tsx'
import { Panel } from '../parts/panel.tsx'
import { Rows, WaitingRows } from '../parts/rows.tsx'
import { useTokenColumns } from './token-columns.tsx'
import { useTokens } from './use-tokens.ts'

/** Whether there is a master token that takes calls. */
export function TokensGlance() {
  const { t } = useTranslation()
  const { data, isPending, error, refetch } = useTokens()
  const columns = useTokenColumns()
  const all = (
    <Anchor component={Link} to="/tokens" size="sm">
      {t('overview.allTokens')}
    </Anchor>
  )
  return (
    <Panel title={t('nav.tokens')} flush beside={all}>
      {isPending && <WaitingRows />}
      {error && (
        <Box p="md">
          <Failure error={error} again={() => void refetch()} />
        </Box>
      )}
      {data?.data.length === 0 && <Empty icon="coin" title={t('tokens.empty')} hint={t('tokens.emptyHint')} />}
      {data && data.data.length > 0 && (
        <Rows label={t('nav.tokens')} columns={columns} rows={data.data} idOf={({ id }) => id} />
      )}
    </Panel>
  )
}
