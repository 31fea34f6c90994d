import type { Command } from 'commander'
import { idValue, wholeValue } from './values.ts'

/** How much of a list is wanted: so many rows, or all, from a cursor on. */
export type Span = { readonly limit: number; readonly all?: true; readonly cursor?: string }

export type Page<Row> = { readonly data: readonly Row[]; readonly next_cursor: string | null }

/** Where one page begins, as the API takes it. */
export type Place = { readonly limit: number; readonly cursor?: string }

// The most that the API gives at once.
const pageRows = 200

/** Adds the options of every list. */
export function withSpan(command: Command): Command {
  return command
    .option('--limit <rows>', 'how many at most', wholeValue(1, 1_000_000), 50)
    .option('--all', 'all of them')
    .option('--cursor <cursor>', 'where to go on: next_cursor of the list before')
}

/** Adds the options of a report over some time. */
export function withRange(command: Command): Command {
  return command
    .option('--from <time>', 'from this time on: a date, or RFC 3339')
    .option('--to <time>', 'up to this time, exclusive')
}

/** Adds the filter by account. */
export function withAccount(command: Command): Command {
  return command.option('--account <id>', 'only of this account', idValue('acc'))
}

/** Page after page, by following cursors, until there are enough rows. */
export async function* pagesOf<Row>(
  { limit, all, cursor: first }: Span,
  read: (place: Place) => Promise<Page<Row>>,
): AsyncGenerator<Page<Row>> {
  let left = all ? Number.POSITIVE_INFINITY : limit
  for (let cursor = first; left > 0; ) {
    const page = await read({ limit: Math.min(left, pageRows), ...(cursor === undefined ? {} : { cursor }) })
    yield page
    if (page.next_cursor === null) return
    left -= page.data.length
    cursor = page.next_cursor
  }
}

/** A list that comes whole. */
export async function* once<Row>(page: Page<Row>): AsyncGenerator<Page<Row>> {
  yield page
}
