import { type QueryKey, useInfiniteQuery } from '@tanstack/react-query'

type Page<Row> = { readonly data: readonly Row[]; readonly next_cursor: string | null }

export type Pages<Row> = ReturnType<typeof usePages<Row>>

/** A list behind cursors, newest first. With `everyMs` its newest page is asked again and again while it is looked at. */
export function usePages<Row>(
  key: QueryKey,
  read: (cursor: string | undefined) => Promise<Page<Row>>,
  { everyMs = false, enabled = true }: { readonly everyMs?: number | false; readonly enabled?: boolean } = {},
) {
  const query = useInfiniteQuery({
    queryKey: key,
    queryFn: ({ pageParam }) => read(pageParam),
    initialPageParam: noCursor,
    getNextPageParam: ({ next_cursor: next }) => next ?? undefined,
    // The timer of the query stands still while the page is hidden.
    refetchInterval: everyMs,
    // The tail is one page: asking for all that were read meanwhile would grow with every click.
    ...(everyMs ? { maxPages: 1 } : {}),
    enabled,
  })
  return { ...query, rows: query.data?.pages.flatMap(({ data }) => data) ?? [] }
}

const noCursor: string | undefined = undefined
