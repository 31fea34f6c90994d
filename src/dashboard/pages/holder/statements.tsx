import { useTranslation } from 'react-i18next'
import { api, got } from '../api.ts'
import { PageHead } from '../parts/page-head.tsx'
import { MonthStatement } from '../parts/statement.tsx'

/** What moved the own credits in a month, to look at and to keep. */
export default function Statements() {
  const { t } = useTranslation()
  return (
    <>
      <PageHead title={t('nav.statements')} about={t('statements.about')} />
      <MonthStatement
        scope="own"
        path="/portal/v1/statement"
        read={(query) => got(api.GET('/portal/v1/entries', { params: { query } }))}
      />
    </>
  )
}
