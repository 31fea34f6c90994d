import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startSummingDays } from '../../src/chores/sum-days.ts'
import { openLog } from '../../src/log.ts'
import type { Statement } from '../../src/store/store.ts'
import { dayMs, dayOf, dayText } from '../../src/times.ts'
import { dataOf, everything, good } from '../support/admin.ts'
import { openTestHouse, type TestHouse } from '../support/house.ts'

type Line = { readonly day: number; readonly account: string; readonly key: string; readonly offer: string }

const row = `INSERT INTO usage (day, account_id, key_id, offer, mode, calls, succeeded, failed, credits)
  VALUES ($1, $2, $3, $4, 'live', 3, 2, 1, 6500000)`
const month = `INSERT INTO usage_months (account_id, key_id, month, offer, mode, calls, succeeded, failed, credits)
  SELECT account_id, key_id, day / 100, offer, mode, sum(calls), sum(succeeded), sum(failed), sum(credits)
  FROM usage GROUP BY account_id, key_id, day / 100, offer, mode`

/** Three accounts with two keys each that have bought two offers, each on some days of the last 150. */
async function busy(house: TestHouse): Promise<{ lines: readonly Line[]; secret: string; account: string }> {
  const lines: Line[] = []
  let secret = ''
  let account = ''
  for (let owner = 0; owner < 3; owner++) {
    account = await house.account(10)
    for (let each = 0; each < 2; each++) {
      const key = await house.key(account)
      secret = key.secret
      for (let ago = owner + each; ago < 150; ago += 4 + 3 * owner) {
        const day = dayOf(Date.now() - ago * dayMs)
        lines.push({ day, account, key: key.id, offer: ago % 3 === 0 ? 'other' : 'stable-image-core' })
      }
    }
  }
  const unit = lines.map((line): Statement => ({ sql: row, params: [line.day, line.account, line.key, line.offer] }))
  await house.store.write([...unit, { sql: month, params: [] }])
  return { lines, secret, account }
}

/** How many lines each place has, by the texts that name it. */
function counted(lines: readonly Line[], by: readonly (keyof Line)[], days: readonly [number, number]) {
  const counts = new Map<string, number>()
  for (const line of lines) {
    if (line.day < days[0] || line.day > days[1]) continue
    const place = by.map((each) => (each === 'day' ? dayText(line.day) : line[each])).join()
    counts.set(place, (counts.get(place) ?? 0) + 1)
  }
  return counts
}

const columns = { day: 'day', account: 'account_id', key: 'key_id', offer: 'offer' } as const
const groups: readonly (keyof Line)[][] = [
  [],
  ...[['day'], ['account'], ['key'], ['offer'], ['day', 'account'], ['day', 'key'], ['account', 'offer']],
  ...[
    ['key', 'offer'],
    ['day', 'offer'],
    ['day', 'account', 'key', 'offer'],
  ],
] as (keyof Line)[][]

test('a report says the same in pages, as CSV and at the portal, over days, months and all time', async (t) => {
  const house = await openTestHouse(t)
  const { lines, secret, account } = await busy(house)
  const own = lines.filter((line) => line.account === account)
  const day = (ago: number) => Date.now() - ago * dayMs
  for (const by of groups) {
    for (const [from, to] of [
      [10, 10],
      [40, 11],
      [149, 3],
      [149, -1],
      [100, 30],
    ] as const) {
      const range = `from=${dayText(dayOf(day(from)))}&to=${dayText(dayOf(day(to - 1)))}`
      const query = `${range}${by.length > 0 ? `&group_by=${by}` : ''}`
      const wanted = counted(lines, by, [dayOf(day(from)), dayOf(day(to))])
      const rows = await everything(house, `/usage?${query}`, 7)
      const found = rows.map(
        (each) => [by.map((name) => each[columns[name]]).join(), Number(each['calls']) / 3] as const,
      )
      assert.deepEqual(new Map(found), wanted, query)
      assert.equal(rows.length, wanted.size, query)
      for (const each of rows) assert.equal(Number(each['credits']) * 6, Number(each['calls']) * 13)
      const table = await house.admin('GET', `/usage?${query}`, undefined, { accept: 'text/csv' })
      const told = table.body.toString().trimEnd().split('\r\n').slice(1)
      const cells = rows.map((each) =>
        [...by.map((name) => columns[name]), 'mode', 'calls', 'succeeded', 'failed', 'credits']
          .map((name) => each[name])
          .join(),
      )
      assert.deepEqual(told, cells, query)
      if (by.includes('account')) continue
      const headers = { authorization: `Bearer ${secret}` }
      const mine = dataOf(await house.client.json('GET', `/portal/v1/usage?limit=200&${query}`, undefined, headers))
      assert.deepEqual(mine, dataOf(await house.admin('GET', `/usage?limit=200&account=${account}&${query}`)), query)
      assert.equal(mine.length, counted(own, by, [dayOf(day(from)), dayOf(day(to))]).size, query)
    }
  }
})

test('days that are over are added up at the start, and say what they said before', async (t) => {
  const house = await openTestHouse(t)
  const { lines } = await busy(house)
  const before = good(await house.admin('GET', '/usage?group_by=day,offer&limit=200'))
  const chore = startSummingDays(house.store, openLog('silent', false, { write: () => undefined }))
  t.after(() => chore.close())
  const over = new Set(lines.map(({ day }) => day).filter((day) => day <= dayOf(Date.now() - 2 * dayMs))).size
  for (let summed = 0; summed < over; ) {
    const [row] = await house.store.read('SELECT count(DISTINCT day) AS days FROM usage_days')
    summed = Number(row?.['days'])
    assert.deepEqual(good(await house.admin('GET', '/usage?group_by=day,offer&limit=200')), before)
  }
})
