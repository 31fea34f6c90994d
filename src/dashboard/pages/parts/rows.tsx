import { Box, Button, Center, Skeleton, Stack, Table } from '@mantine/core'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import type { Pages } from '../paging.ts'
import { Failure } from './failure.tsx'

export type Column<Row> = {
  readonly name: string
  readonly cell: (row: Row) => ReactNode
  /** Numbers stand under each other. */
  readonly right?: boolean
  /** Left out where the screen is narrow. */
  readonly wide?: boolean
  /** Says nothing that its name would explain. */
  readonly nameless?: boolean
}

type Shown<Row> = {
  readonly label: string
  readonly columns: readonly Column<Row>[]
  readonly rows: readonly Row[]
  readonly idOf: (row: Row) => string
}

export function Rows<Row>({ label, columns, rows, idOf }: Shown<Row>) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is for fields.
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a table wider than the screen is scrolled by the arrow keys.
    <div className="scrolling" role="group" aria-label={label} tabIndex={0}>
      <Table highlightOnHover verticalSpacing={7} horizontalSpacing="sm">
        <Table.Thead>
          <Table.Tr>
            {columns.map(({ name, right, wide, nameless }) => (
              <Table.Th key={name} scope="col" ta={right ? 'right' : undefined} visibleFrom={wide ? 'sm' : undefined}>
                {nameless ? <span className="unseen">{name}</span> : name}
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.map((row) => (
            <Table.Tr key={idOf(row)}>
              {columns.map(({ name, cell, right, wide }) => (
                <Table.Td key={name} ta={right ? 'right' : undefined} visibleFrom={wide ? 'sm' : undefined}>
                  {cell(row)}
                </Table.Td>
              ))}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </div>
  )
}

type Paged<Row> = Omit<Shown<Row>, 'rows'> & { readonly pages: Pages<Row>; readonly empty: ReactNode }

/** A list that is read page by page: what is here already, and a button for more. */
export function PagedRows<Row>({ pages, empty, ...table }: Paged<Row>) {
  const { t } = useTranslation()
  const { rows, isPending, error, refetch, hasNextPage, isFetchingNextPage, fetchNextPage } = pages
  if (isPending) return <WaitingRows />
  if (error && rows.length === 0) {
    return (
      <Stack p="md">
        <Failure error={error} again={() => void refetch()} />
      </Stack>
    )
  }
  if (rows.length === 0) return empty
  return (
    <>
      <Rows rows={rows} {...table} />
      {error && (
        <Stack p="md">
          <Failure error={error} again={() => void refetch()} />
        </Stack>
      )}
      {hasNextPage && (
        <Center p="md">
          <Button variant="default" size="xs" loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
            {t('common.more')}
          </Button>
        </Center>
      )}
    </>
  )
}

type Whole<Row> = {
  readonly list: {
    readonly data: { readonly data: readonly Row[] } | undefined
    readonly isPending: boolean
    readonly error: Error | null
    refetch(): unknown
  }
  /** What is said where there are none; without it the rows are shown all the same. */
  readonly empty?: ReactNode
  readonly children: (rows: readonly Row[]) => ReactNode
}

/** A list that is read in one go: waited for, failed, empty, or there. */
export function WholeList<Row>({ list: { data, isPending, error, refetch }, empty, children }: Whole<Row>) {
  const isEmpty = data?.data.length === 0 && empty !== undefined
  return (
    <>
      {isPending && <WaitingRows />}
      {error && (
        <Box p="md">
          <Failure error={error} again={() => void refetch()} />
        </Box>
      )}
      {isEmpty && empty}
      {data && !isEmpty && children(data.data)}
    </>
  )
}

export function WaitingRows() {
  const { t } = useTranslation()
  return (
    <Stack gap="sm" p="md" role="status" aria-label={t('common.loading')}>
      {[92, 80, 88, 72, 84].map((width) => (
        <Skeleton key={width} height={14} width={`${width}%`} />
      ))}
    </Stack>
  )
}
