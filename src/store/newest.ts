import { type IdKind, idAt } from '../ids.ts'
import type { Value } from './store.ts'

/** The ids that a list may show. */
export type Span = {
  readonly from?: string | undefined
  /** It ends before this one, and before the next as well. */
  readonly to?: string | undefined
  readonly before?: string | undefined
}

export type Times = {
  readonly fromMs?: number | undefined
  readonly toMs?: number | undefined
  readonly before?: string | undefined
}

/** Ids stand in for times: they sort by them, up to the slips of clocks to both sides. */
export function spanOf(kind: IdKind, { fromMs, toMs, before }: Times, earlierMs: number, laterMs: number): Span {
  const from = fromMs === undefined ? undefined : idAt(kind, fromMs - earlierMs)
  const to = toMs === undefined ? undefined : idAt(kind, toMs + laterMs)
  return { from, to, before }
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
