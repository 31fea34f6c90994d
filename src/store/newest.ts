import type { Value } from './store.ts'

/** The ids that a list may show. */
export type Span = {
  readonly from?: string | undefined
  /** It ends before this one, and before the next as well. */
  readonly to?: string | undefined
  readonly before?: string | undefined
}

/**
 * Conditions that keep a list of the newest to the rows of one owner, whose place in the statement is `owner`, and to a
 * span of ids. `order` names the columns of the index: the owner's where there is one, and the id. Where one value of a
 * column is asked for, PostgreSQL may go through everybody's ids instead, which it thinks evenly mixed; two bounds of
 * both columns are served by their index alone.
 */
export function within(
  order: readonly string[],
  owner: string | undefined,
  { from, to, before }: Span,
  place: (value: Value) => string,
): string[] {
  const end = to !== undefined && before !== undefined && to < before ? to : (before ?? to)

  function bound(sign: string, id: string | undefined): string[] {
    const values = [...(owner === undefined ? [] : [owner]), ...(id === undefined ? [] : [place(id)])]
    return values.length === 0 ? [] : [`(${order.slice(0, values.length)}) ${sign} (${values})`]
  }

  return [...bound('>=', from), ...bound(end === undefined ? '<=' : '<', end)]
}

export function newestFirst(order: readonly string[]): string {
  return `ORDER BY ${order.map((column) => `${column} DESC`)}`
}
