/** The reports of usage as SQL. Each reads along an index and stops at the end of the page, whatever the range is. */
import type { Value } from '../store/store.ts'
import { dayMs, dayOf, msOfDay } from '../times.ts'
import type { Grouping, UsageFilter } from './usage.ts'

/** In the order of a report. */
export const modes = ['test', 'live'] as const

const columns = { day: 'day', account: 'account_id', key: 'key_id', offer: 'offer' } as const
export type Column = (typeof columns)[Grouping]
type Put = (value: Value) => string
type Asked = UsageFilter & { readonly order: readonly Column[]; readonly put: Put }

/** Beyond so many days whole months are read, of which there is at least one in them. */
const mostDaysRead = 62
/** Days that may still grow by calls in flight are summed as they are asked for. */
const openDays = 2

/** What a report shows beside the sums. */
export function columnsOf(by: readonly Grouping[]): readonly Column[] {
  return (['day', 'account', 'key', 'offer'] as const).flatMap((each) => (by.includes(each) ? [columns[each]] : []))
}

/** What the rows of a report are sorted by, latest first; a key stands behind its account. */
export function orderOf({ by, accountId }: Pick<UsageFilter, 'by' | 'accountId'>): readonly Column[] {
  const keyOfAny = by.includes('key') && accountId === undefined
  return columnsOf(keyOfAny ? [...by, 'account'] : by)
}

/** The last day that is over for everybody, whose calls have been summed or are about to be. */
export function lastOverDay(nowMs: number): number {
  return dayOf(nowMs - openDays * dayMs)
}

/**
 * A row for each place, its modes side by side; it begins at the place the page before ended with. Up to `summedDay`
 * all days have been added up, but for those that changed since.
 */
export function finding(filter: UsageFilter, summedDay: number): { sql: string; params: Value[] } {
  const params: Value[] = [filter.limit + 1]
  const asked: Asked = { ...filter, order: orderOf(filter), put: (value) => `$${params.push(value)}` }
  return { sql: textFor(asked, summedDay), params }
}

function textFor(asked: Asked, summedDay: number): string {
  const { order, accountId } = asked
  const ofHouse = accountId === undefined && !order.includes('account_id')
  if (ofHouse) return summed(`FROM ${houseLines(asked, summedDay)} AS usage ${where(cursor(asked, order))}`, asked)
  const days = order.includes('day') ? 1 : daysOf(asked)
  if (days > mostDaysRead) return monthly(asked)
  if (days > 1 && accountId === undefined) return paged(accountsOfDays(asked), ['account_id'], asked)
  const prefix = prefixOf(asked)
  if (prefix.length === 0 || prefix.length === order.length) {
    return summed(`FROM usage ${where(...conditions(asked), cursor(asked, order))}`, asked)
  }
  return paged(pageOf('usage', prefix, asked, conditions(asked)), prefix, asked)
}

/** The first places of a page, in the order of an index, up to as many as rows are wanted. */
function pageOf(table: string, prefix: readonly Column[], asked: Asked, found: readonly string[]): string {
  const places = prefix.map((column) => `usage.${column}`)
  const begun = where(...found, cursor(asked, prefix))
  return `page AS (SELECT DISTINCT ${list(places)} FROM ${table} AS usage ${begun} ORDER BY ${down(places)} LIMIT $1)`
}

/** Sums only what belongs to the first places of the page. */
function paged(page: string, prefix: readonly Column[], asked: Asked): string {
  const rest = where(...same(prefix), ...conditions(asked), cursor(asked, asked.order))
  return `WITH RECURSIVE ${page} ${summed(`FROM page CROSS JOIN usage ${rest}`, asked)}`
}

function same(prefix: readonly Column[]): string[] {
  return prefix.map((column) => `usage.${column} = page.${column}`)
}

function summed(from: string, { order }: Asked): string {
  const sums = modes.flatMap((mode) => [
    ...['calls', 'succeeded', 'failed'].map((column) => `CAST(${sumOf(mode, column)} AS BIGINT) AS ${mode}_${column}`),
    `CAST(${sumOf(mode, 'credits')} AS TEXT) AS ${mode}_credits`,
  ])
  if (order.length === 0) return `SELECT ${list(sums)} ${from} LIMIT $1`
  const places = order.map((column) => `usage.${column}`)
  return `SELECT ${list([...places, ...sums])} ${from} GROUP BY ${list(places)} ORDER BY ${down(places)} LIMIT $1`
}

function sumOf(mode: string, column: string): string {
  return `coalesce(sum(CASE WHEN usage.mode = '${mode}' THEN usage.${column} ELSE 0 END), 0)`
}

/** How much of the order the index gives for nothing; only these stop at the end of a page by themselves. */
function prefixOf({ order, accountId }: Asked): readonly Column[] {
  const given: readonly Column[] = order.includes('day')
    ? ['day', 'account_id', 'key_id', 'offer']
    : ['account_id', 'key_id']
  const isFree = (column: Column) => column !== 'account_id' || accountId === undefined
  const [free, index] = [order.filter(isFree), given.filter(isFree)]
  const end = free.findIndex((column, place) => column !== index[place])
  return end === -1 ? order : free.slice(0, end)
}

function conditions({ accountId, firstDay, lastDay, after, order, put }: Asked): string[] {
  const found = accountId === undefined ? [] : [`usage.account_id = ${put(accountId)}`]
  if (firstDay !== undefined && firstDay === lastDay) return [...found, `usage.day = ${put(firstDay)}`]
  if (firstDay !== undefined) found.push(`usage.day >= ${put(firstDay)}`)
  // Where the page begins within the range, an end of the range would only compete for the index with it.
  const begun = order[0] === 'day' && after !== undefined && Number(after[0]) <= (lastDay ?? 0)
  if (lastDay !== undefined && !begun) found.push(`usage.day <= ${put(lastDay)}`)
  // A condition that is always true, and without which nothing would speak for the index by day.
  if (found.length === 0) found.push('usage.day > 0')
  return found
}

function cursor({ after, order, put }: Asked, columns: readonly Column[]): string | undefined {
  if (after === undefined || columns.length === 0) return undefined
  const values = columns.map((column) => put(after[order.indexOf(column)] ?? null))
  return `(${list(columns.map((column) => `usage.${column}`))}) <= (${list(values)})`
}

function daysOf({ firstDay, lastDay }: Asked): number {
  if (firstDay === undefined || lastDay === undefined) return Number.POSITIVE_INFINITY
  return (msOfDay(lastDay) - msOfDay(firstDay)) / dayMs + 1
}

/**
 * The accounts of a page over some days, of which no index has the order. The day that fills a page soonest says where
 * the page ends at the latest; so of no day more than a page is read, whoever did nothing in these days.
 */
function accountsOfDays(asked: Asked): string {
  const { firstDay = 0, lastDay = 0, put } = asked
  const [first, last] = [put(firstDay), put(lastDay)]
  const ofDay = where('usage.day = days.day', cursor(asked, ['account_id']))
  return `days (day) AS (
      SELECT max(usage.day) FROM usage WHERE usage.day >= ${first} AND usage.day <= ${last}
      UNION ALL SELECT (SELECT max(usage.day) FROM usage WHERE usage.day < days.day AND usage.day >= ${first})
      FROM days WHERE days.day IS NOT NULL
    ), page_end AS (
      SELECT coalesce(max((SELECT DISTINCT usage.account_id FROM usage ${ofDay}
        ORDER BY usage.account_id DESC LIMIT 1 OFFSET $1 - 1)), '') AS account_id FROM days WHERE days.day IS NOT NULL
    ), page AS (
      SELECT DISTINCT usage.account_id FROM days CROSS JOIN usage
      ${ofDay} AND usage.account_id >= (SELECT account_id FROM page_end)
      ORDER BY usage.account_id DESC LIMIT $1
    )`
}

/** Whole months from their sums, and the days before the first and after the last, of one account or a page of them. */
function monthly(asked: Asked): string {
  const { accountId, firstDay, lastDay, order, put } = asked
  const edges: string[] = []
  const whole: string[] = []
  const inside: string[] = []
  if (firstDay !== undefined) {
    const [first, before] = [put(firstDay), put(monthAt(msOfDay(firstDay) - dayMs))]
    edges.push(`usage.day >= ${first} AND usage.day <= ${before} * 100 + 99`)
    inside.push(`usage.month >= ${put(Math.floor(firstDay / 100))}`)
    whole.push(`usage.month > ${before}`)
  }
  if (lastDay !== undefined) {
    const [last, beyond] = [put(lastDay), put(monthAt(msOfDay(lastDay) + dayMs))]
    edges.push(`usage.day >= ${beyond} * 100 AND usage.day <= ${last}`)
    inside.push(`usage.month <= ${put(Math.floor(lastDay / 100))}`)
    whole.push(`usage.month < ${beyond}`)
  }
  const prefix = order.filter((column) => column !== 'offer')
  const own = accountId === undefined ? undefined : [`usage.account_id = ${put(accountId)}`]
  const pages = accountId === undefined ? 'page CROSS JOIN ' : ''
  const columns = 'usage.account_id, usage.key_id, offer, mode, calls, succeeded, failed, credits'
  const of = (table: string, ...found: string[]) =>
    `SELECT ${columns} FROM ${pages}${table} AS usage ${where(...found)}`
  const months = of('usage_months', ...(own ?? same(prefix)), ...whole)
  const days = edges.map((edge) => of('usage', ...(own ?? sameByAccount(prefix, 'usage', 'page')), edge))
  const lines = [months, ...days].join(' UNION ALL ')
  const sums = summed(`FROM (${lines}) AS usage ${where(cursor(asked, order))}`, asked)
  if (accountId !== undefined) return sums
  // Asked with EXISTS, PostgreSQL would first collect all who called on these days.
  const called = edges.map((edge) => {
    const found = where(...sameByAccount(prefix, 'page', 'usage'), edge.replaceAll('usage.', 'page.'))
    return `(SELECT min(page.day) FROM usage AS page ${found}) > 0`
  })
  if (called.length > 0) inside.push(`(${[whole.join(' AND '), ...called].join(' OR ')})`)
  return `WITH ${pageOf('usage_months', prefix, asked, inside)} ${sums}`
}

// The few days of an account stand together; by its key PostgreSQL would look for them day by day.
function sameByAccount(prefix: readonly Column[], one: string, other: string): string[] {
  return prefix.map((column) => `${one}.${column}${column === 'key_id' ? ` || ''` : ''} = ${other}.${column}`)
}

function monthAt(ms: number): number {
  return Math.floor(dayOf(ms) / 100)
}

/** The lines of all accounts, already added up for the days that are over and have not been touched since. */
function houseLines({ firstDay, lastDay, put }: Asked, summedDay: number): string {
  const last = put(summedDay)
  const range = [
    ...(firstDay === undefined ? [] : [`day >= ${put(firstDay)}`]),
    ...(lastDay === undefined ? [] : [`day <= ${put(lastDay)}`]),
  ]
  const lines = (table: string, ...more: string[]) =>
    `SELECT day, offer, mode, calls, succeeded, failed, credits FROM ${table} ${where(...more, ...range)}`
  return `(${lines('usage_days', `day <= ${last}`, 'day NOT IN (SELECT day FROM usage_late)')}
    UNION ALL ${lines('usage', `day > ${last}`)}
    UNION ALL ${lines('usage', `day IN (SELECT day FROM usage_late WHERE day <= ${last})`)})`
}

function list(parts: readonly string[]): string {
  return parts.join(', ')
}

function down(columns: readonly string[]): string {
  return list(columns.map((column) => `${column} DESC`))
}

function where(...conditions: readonly (string | undefined)[]): string {
  const asked = conditions.filter((condition) => condition !== undefined)
  return asked.length > 0 ? `WHERE ${asked.join(' AND ')}` : ''
}
