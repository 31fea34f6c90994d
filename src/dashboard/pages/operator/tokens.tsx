import { Button, Paper, Text } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { api, got } from '../api.ts'
import { Empty } from '../parts/empty.tsx'
import { FormDialog } from '../parts/form-dialog.tsx'
import { Id } from '../parts/id.tsx'
import { PageHead } from '../parts/page-head.tsx'
import { type Column, Rows, WholeList } from '../parts/rows.tsx'
import { When } from '../parts/when.tsx'
import { useMay } from '../session.tsx'
import { type Token, useTokenColumns } from './token-columns.tsx'
import { useTokens } from './use-tokens.ts'

/** The master tokens as far as they may be shown, and putting one back into the turn. */
export default function Tokens() {
  const { t } = useTranslation()
  const may = useMay()
  const queries = useQueryClient()
  const list = useTokens()
  const [chosen, setChosen] = useState<Token>()
  const resume: Column<Token> = {
    name: t('common.actions'),
    nameless: true,
    right: true,
    cell: (token) =>
      token.state === 'active' ? null : (
        <Button
          size="compact-xs"
          variant="default"
          aria-label={t('tokens.resumeOne', { hint: token.hint })}
          onClick={() => setChosen(token)}
        >
          {t('tokens.resume')}
        </Button>
      ),
  }
  const more: Column<Token>[] = [
    { name: t('tokens.asked'), wide: true, cell: ({ credits_at: at }) => <When at={at} /> },
    { name: t('tokens.inFlight'), wide: true, right: true, cell: ({ in_flight: count }) => count },
    { name: t('tokens.weight'), wide: true, right: true, cell: ({ weight }) => weight },
    { name: t('common.reason'), wide: true, cell: ({ reason }) => <code>{reason ?? '–'}</code> },
    { name: t('tokens.until'), wide: true, cell: ({ until }) => <When at={until} exact /> },
    { name: t('common.id'), wide: true, cell: ({ id }) => <Id id={id} /> },
  ]
  const columns = [...useTokenColumns(), ...more, ...(may.change ? [resume] : [])]
  const act = async (token: Token) => {
    await got(api.POST('/admin/v1/tokens/{id}/resume', { params: { path: { id: token.id } } }))
    await queries.invalidateQueries({ queryKey: ['tokens'] })
  }
  return (
    <>
      <PageHead title={t('nav.tokens')} about={t('tokens.about')} />
      <Paper withBorder className="panel">
        <WholeList list={list} empty={<Empty icon="coin" title={t('tokens.empty')} hint={t('tokens.emptyHint')} />}>
          {(rows) => <Rows label={t('nav.tokens')} columns={columns} rows={rows} idOf={({ id }) => id} />}
        </WholeList>
      </Paper>
      {chosen && (
        <FormDialog
          opened
          close={() => setChosen(undefined)}
          title={t('tokens.resumeTitle', { hint: chosen.hint })}
          verb={t('tokens.resume')}
          act={() => act(chosen)}
        >
          <Text size="sm">{t('tokens.resumeAbout')}</Text>
        </FormDialog>
      )}
    </>
  )
}
