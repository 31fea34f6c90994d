import { Anchor } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { Link } from 'react-router'
import { Empty } from '../parts/empty.tsx'
import { Panel } from '../parts/panel.tsx'
import { Rows, WholeList } from '../parts/rows.tsx'
import { useTokenColumns } from './token-columns.tsx'
import { useTokens } from './use-tokens.ts'

/** Whether there is a master token that takes calls. */
export function TokensGlance() {
  const { t } = useTranslation()
  const list = useTokens()
  const columns = useTokenColumns()
  const all = (
    <Anchor component={Link} to="/tokens" size="sm">
      {t('overview.allTokens')}
    </Anchor>
  )
  return (
    <Panel title={t('nav.tokens')} flush beside={all}>
      <WholeList list={list} empty={<Empty icon="coin" title={t('tokens.empty')} hint={t('tokens.emptyHint')} />}>
        {(rows) => <Rows label={t('nav.tokens')} columns={columns} rows={rows} idOf={({ id }) => id} />}
      </WholeList>
    </Panel>
  )
}
