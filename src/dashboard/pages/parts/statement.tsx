import { Paper, Stack } from '@mantine/core'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { Got } from '../api.ts'
import { usePages } from '../paging.ts'
import { EntriesTable } from './entries-table.tsx'
import { MonthDownloads, thisMonth } from './month-downloads.tsx'
import { Panel } from './panel.tsx'

type Range = { readonly from: string; readonly to: string; readonly cursor: string | undefined }

type Shown = {
  readonly scope: string
  /** Where the files are. */
  readonly path: string
  readonly read: (range: Range) => Promise<Got<'/portal/v1/entries'>>
}

/** A month in UTC: its statement as a file to keep, and its entries page by page to look at. */
export function MonthStatement({ scope, path, read }: Shown) {
  const { t } = useTranslation()
  const [month, setMonth] = useState(thisMonth)
  const pages = usePages(['entries', scope, month], (cursor) => read({ ...daysOf(month), cursor }), {
    enabled: month !== '',
  })
  return (
    <Stack>
      <Paper withBorder p="md" className="panel">
        <MonthDownloads month={month} onMonth={setMonth} path={path} />
      </Paper>
      {month !== '' && (
        <Panel title={t('entries.title')} flush>
          <EntriesTable pages={pages} />
        </Panel>
      )}
    </Stack>
  )
}

/** The first day of a month, and the first of the next. */
function daysOf(month: string): { readonly from: string; readonly to: string } {
  const next = new Date(`${month}-01T00:00:00Z`)
  next.setUTCMonth(next.getUTCMonth() + 1)
  return { from: `${month}-01`, to: next.toISOString().slice(0, 10) }
}
