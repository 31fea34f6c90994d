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

/** Beyond so many days it costs less to read along all accounts than to look into each day. */
const mostDaysWalked = 62
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
  if (accountId === undefined && order[0] === 'account_id') {
    if (isWalked(asked)) return walk(asked)
    const ever = asked.firstDay === undefined && asked.lastDay === undefined
    if (ever && order.length === 1) return summed(`FROM usage_months AS usage ${where(cursor(asked, order))}`, asked)
    if (!order.includes('key_id') && daysOf(asked) > 1) return monthly(asked)
  }
  const prefix = prefixOf(asked)
  if (prefix.length === 0 || prefix.length === order.length) {
    return summed(`FROM usage ${where(...conditions(asked, true), cursor(asked, order))}`, asked)
  }
  const page = `SELECT DISTINCT ${list(prefix)} FROM usage ${where(...conditions(asked, true), cursor(asked, prefix))}
    ORDER BY ${down(prefix)} LIMIT $1`
  return paged(page, prefix, asked)
}

/** Sums only what belongs to the first places of the page. */
function paged(page: string, prefix: readonly Column[], asked: Asked): string {
  const same = prefix.map((column) => `usage.${column} = page.${column}`)
  const rest = where(...same, ...conditions(asked), cursor(asked, asked.order))
  const named = `WITH RECURSIVE ${page.startsWith('days') ? page : `page AS (${page})`}`
  return `${named} ${summed(`FROM page CROSS JOIN usage ${rest}`, asked)}`
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
  const free = order.filter((column) => column !== 'account_id' || accountId === undefined)
  const given: readonly Column[] = free.includes('day')
    ? ['day', 'account_id', 'key_id', 'offer']
    : ['account_id', 'key_id']
  const index = accountId === undefined ? given : given.filter((column) => column !== 'account_id')
  // Of one account there is little to read, and its lines stand in no order of both.
  if (accountId !== undefined && !free.includes('day') && free.includes('offer')) return []
  const end = free.findIndex((column, place) => column !== index[place])
  return end === -1 ? order : free.slice(0, end)
}

function conditions({ accountId, firstDay, lastDay, after, order, put }: Asked, stream = false): string[] {
  const found = accountId === undefined ? [] : [`usage.account_id = ${put(accountId)}`]
  if (firstDay !== undefined && firstDay === lastDay) return [...found, `usage.day = ${put(firstDay)}`]
  // A report in the order of accounts has to be read in that order, and SQLite finds no index behind a NOT.
  const plain = !stream || accountId !== undefined || order.includes('day')
  const bound = (fits: string, misfits: string, value: Value) =>
    found.push(plain ? `usage.day ${fits} ${put(value)}` : `NOT (usage.day ${misfits} ${put(value)})`)
  if (firstDay !== undefined) bound('>=', '<', firstDay)
  // Where the page begins within the range, an end of the range would only compete for the index with it.
  const begun = order[0] === 'day' && after !== undefined && Number(after[0]) <= (lastDay ?? 0)
  if (lastDay !== undefined && !begun) bound('<=', '>', lastDay)
  // A condition that is always true, and without which nothing would speak for the index by day.
  if (found.length === 0 && order.includes('day')) found.push('usage.day > 0')
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

function isWalked(asked: Asked): boolean {
  const days = daysOf(asked)
  return days > 1 && days <= mostDaysWalked
}

/**
 * For some days and all accounts: the accounts of the page are found by looking into each day for the next one, so
 * that neither the accounts that did nothing in these days are read, nor those of later pages.
 */
function walk(asked: Asked): string {
  const { firstDay = 0, lastDay = 0, after, put } = asked
  const [first, last] = [put(firstDay), put(lastDay)]
  const begin = after === undefined ? '' : `AND usage.account_id <= ${put(after[0] ?? null)}`
  const next = (condition: string) => `(SELECT max((SELECT max(usage.account_id) FROM usage
    WHERE usage.day = days.day ${condition})) FROM days WHERE days.day IS NOT NULL)`
  const page = `days (day) AS (
      SELECT max(usage.day) FROM usage WHERE usage.day >= ${first} AND usage.day <= ${last}
      UNION ALL SELECT (SELECT max(usage.day) FROM usage WHERE usage.day < days.day AND usage.day >= ${first})
      FROM days WHERE days.day IS NOT NULL
    ), page (account_id, place) AS (
      SELECT ${next(begin)}, CAST(1 AS BIGINT)
      UNION ALL SELECT ${next('AND usage.account_id < page.account_id')}, page.place + 1
      FROM page WHERE page.account_id IS NOT NULL AND page.place < $1
    )`
  return paged(page, ['account_id'], asked)
}

/** For many days and all accounts: whole months from their sums, and the days before the first and after the last. */
function monthly(asked: Asked): string {
  const { firstDay, lastDay, order, put } = asked
  const edges: string[] = []
  const inside: string[] = []
  const whole: string[] = []
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
  const days = edges.map(
    (edge) => `EXISTS (SELECT 1 FROM usage AS days WHERE days.account_id = usage.account_id
    AND ${edge.replaceAll('usage.', 'days.')})`,
  )
  const called = days.length > 0 ? `(${[whole.join(' AND '), ...days].join(' OR ')})` : undefined
  const page = `SELECT DISTINCT usage.account_id FROM usage_months AS usage
    ${where(...inside, called, cursor(asked, ['account_id']))} ORDER BY usage.account_id DESC LIMIT $1`
  const of = (table: string, ...more: string[]) =>
    `SELECT usage.account_id, offer, mode, calls, succeeded, failed, credits FROM page CROSS JOIN ${table} AS usage
      ${where('usage.account_id = page.account_id', ...more)}`
  const lines = [of('usage_months', ...whole), ...edges.map((edge) => of('usage', edge))].join(' UNION ALL ')
  return `WITH page AS (${page}) ${summed(`FROM (${lines}) AS usage ${where(cursor(asked, order))}`, asked)}`
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
