import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dataOf, everything, good, openSelling, post, refusal } from '../support/admin.ts'
import { openTestHouse, type TestHouse } from '../support/house.ts'

const csv = { accept: 'text/csv' }

/** The cells of a CSV without quoted line breaks. */
function linesOf(text: string): string[][] {
  assert.ok(text.endsWith('\r\n'))
  return text
    .slice(0, -2)
    .split('\r\n')
    .map((line) => line.split(','))
}

async function csvOf(house: TestHouse, path: string): Promise<string[][]> {
  const reply = await house.admin('GET', path, undefined, csv)
  assert.equal(reply.status, 200, reply.body.toString())
  assert.equal(reply.headers['content-type'], 'text/csv; charset=utf-8')
  assert.match(String(reply.headers['content-disposition']), /^attachment; filename="[\w-]+\.csv"$/)
  assert.equal(reply.headers['vary'], 'accept')
  return linesOf(reply.body.toString())
}

test('entries run newest first, and each says the balance after it', async (t) => {
  const house = await openTestHouse(t)
  const account = await house.account(0)
  const path = `/accounts/${account}/entries`
  for (let credits = 1; credits <= 5; credits++) {
    await post(house, `/accounts/${account}/grants`, { credits, reason: `number ${credits}` })
  }
  const all = await everything(house, path, 2)
  assert.deepEqual(
    all.map(({ credits, posted_after: after }) => [credits, after]),
    [
      [5, 15],
      [4, 10],
      [3, 6],
      [2, 3],
      [1, 1],
    ],
  )
  assert.deepEqual(dataOf(await house.admin('GET', path)), all)
  const other = (await post(house, `/accounts/${await house.account(0)}/grants`, { credits: 1, reason: 'x' }))['id']
  const foreign = Buffer.from(String(other)).toString('base64url')
  refusal(await house.admin('GET', `${path}?cursor=${foreign}`), 400, 'bad_request', 'cursor: ')
  assert.deepEqual(dataOf(await house.admin('GET', `${path}?from=2001-01-01&to=2002-01-01`)), [])
  const third = String(all[2]?.['created_at'])
  const since = dataOf(await house.admin('GET', `${path}?from=${third}`))
  const until = dataOf(await house.admin('GET', `${path}?to=${third}`))
  assert.ok(since.some(({ id }) => id === all[2]?.['id']) && !until.some(({ id }) => id === all[2]?.['id']))
  assert.deepEqual([...since, ...until], all)
  await house.balanced()
})

test('entries as CSV are all of them, and no cell is a formula', async (t) => {
  const house = await openTestHouse(t)
  const account = await house.account(0)
  const reasons = ['=1+1', '+1', '-1', '@SUM(A1)', 'plain', '"quoted", with comma', '=HYPERLINK("http://x","y")']
  for (const reason of reasons) await post(house, `/accounts/${account}/grants`, { credits: 1, reason })
  await post(house, `/accounts/${account}/grants`, { credits: -1.5, reason: 'back' })
  const reply = await house.admin('GET', `/accounts/${account}/entries`, undefined, csv)
  const text = reply.body.toString()
  const told = [
    "'=1+1",
    "'+1",
    "'-1",
    "'@SUM(A1)",
    'plain',
    '"""quoted"", with comma"',
    `"'=HYPERLINK(""http://x"",""y"")"`,
  ]
  for (const cell of told) assert.ok(text.includes(`,${cell},`), cell)
  assert.ok(text.startsWith('id,kind,credits,posted_after,call_id,reason,created_at\r\n'))
  assert.ok(text.includes(',adjust,-1.5,5.5,,back,'))
  assert.equal(text.trimEnd().split('\r\n').length, 1 + reasons.length + 1)
  assert.equal((await csvOf(house, `/accounts/${account}/entries?limit=2`)).length, 3)
})

test('CSV is given to those who prefer it', async (t) => {
  const house = await openTestHouse(t)
  const path = `/accounts/${await house.account(1)}/entries`
  const type = async (accept: string) => (await house.admin('GET', path, undefined, { accept })).headers['content-type']
  for (const accept of ['text/csv', 'text/csv, */*', 'application/json;q=0.5, text/csv', 'text/csv;q=0.9, */*;q=0.1']) {
    assert.equal(await type(accept), 'text/csv; charset=utf-8', accept)
  }
  for (const accept of [
    '*/*',
    'application/json',
    'application/json, text/csv;q=0.5',
    'text/csv;q=0',
    'application/json, text/csv',
  ]) {
    assert.equal(await type(accept), 'application/json; charset=utf-8', accept)
  }
})

test('thousands of entries are told once each, in JSON pages, in CSV and in the statement', async (t) => {
  const house = await openTestHouse(t)
  const account = await house.account(0)
  const grants = Array.from({ length: 1203 }, (_, index) =>
    house.admin('POST', `/accounts/${account}/grants`, { credits: 1, reason: `r${index}` }),
  )
  for (const reply of await Promise.all(grants)) assert.equal(reply.status, 201)
  const path = `/accounts/${account}`
  const pages = (await everything(house, `${path}/entries`, 200)).map(({ id }) => String(id))
  const table = (await csvOf(house, `${path}/entries`)).slice(1).map(([id = '']) => id)
  const statement = good(await house.admin('GET', `${path}/statement`))
  const stated = (statement['entries'] as { id: string }[]).map(({ id }) => id)
  assert.equal(new Set(pages).size, 1203)
  assert.deepEqual(table, pages)
  assert.deepEqual(stated.reverse(), pages)
  assert.deepEqual([statement['opening'], statement['closing']], [0, 1203])
  await house.balanced()
})

test('months follow from each other to the millionth, whatever clocks did', async (t) => {
  const house = await openTestHouse(t)
  const account = await house.account(0)
  const at = (text: string) => Date.parse(text)
  // The third was numbered after the fourth's moment, as when two arrive together around midnight.
  const times = [
    '2026-01-05',
    '2026-01-31T23:59:59.999Z',
    '2026-02-01T00:00:00.001Z',
    '2026-01-31T23:59:59.998Z',
    '2026-02-01T00:00:00.002Z',
    '2026-04-30',
  ]
  let posted = 0
  for (const [index, time] of times.entries()) {
    posted += 1_000_001
    await house.store.write([
      {
        sql: `INSERT INTO entries (account_id, number, id, kind, credits, posted_after, created_at) VALUES ($1, $2, $3, 'grant', 1000001, $4, $5)`,
        params: [account, index + 1, `ent_${index}`, posted, at(time)],
      },
      { sql: 'UPDATE accounts SET posted = $2, entries = $3 WHERE id = $1', params: [account, posted, index + 1] },
    ])
  }
  const seen: string[] = []
  let before = 0
  for (const month of ['2025-12', '2026-01', '2026-02', '2026-03', '2026-04', '2026-05']) {
    const path = `/accounts/${account}/statement?month=${month}`
    const { opening, closing, entries } = good(await house.admin('GET', path))
    const lines = entries as { id: string; credits: number }[]
    assert.equal(opening, before, month)
    const sum = lines.reduce(
      (total, { credits }) => total + Math.round(credits * 1e6),
      Math.round(Number(opening) * 1e6),
    )
    assert.equal(sum, Math.round(Number(closing) * 1e6), month)
    seen.push(...lines.map(({ id }) => id))
    before = Number(closing)
    const table = await csvOf(house, path)
    assert.deepEqual(table[1]?.slice(1, 4), ['opening', '0', String(opening)])
    assert.deepEqual(table.at(-1)?.slice(1, 4), ['closing', '0', String(closing)])
    assert.equal(table.length, lines.length + 3)
  }
  assert.deepEqual(
    seen,
    times.map((_, index) => `ent_${index}`),
  )
  assert.equal(before, posted / 1e6)
  for (const month of ['2026-13', '2026-00', '26-01', '2026-1', '2026', '0000-01', '']) {
    refusal(await house.admin('GET', `/accounts/${account}/statement?month=${month}`), 400, 'bad_request', 'month: ')
  }
  await house.balanced()
})

test('calls as CSV are all of them, each with what it cost', async (t) => {
  const house = await openSelling(t)
  const account = await house.account(9)
  const { secret } = await house.key(account)
  for (const prompt of ['x', 'mode:bad-request', 'x']) await house.client.call(secret, { prompt })
  const [head = [], ...lines] = await csvOf(house, `/calls?account=${account}`)
  const listed = dataOf(await house.admin('GET', '/calls'))
  assert.deepEqual(head, Object.keys(listed[0] ?? {}))
  const column = (name: string) => lines.map((line) => line[head.indexOf(name)])
  assert.deepEqual(
    column('id'),
    listed.map(({ id }) => id),
  )
  assert.deepEqual(column('credits'), ['3', '0', '3'])
  assert.equal((await csvOf(house, '/calls?limit=1&state=settled')).length, 2)
  await house.balanced()
})

test('usage sums calls and charges as asked, and a refund lowers it', async (t) => {
  const house = await openSelling(t)
  const [one, other] = [await house.account(30), await house.account(30)]
  const [first, second, third] = [await house.key(one), await house.key(one), await house.key(other)]
  const test = await house.key(one, { mode: 'test' })
  const call = async ({ secret }: { secret: string }, prompt = 'x') => house.client.call(secret, { prompt })
  const charged = await call(first)
  for (const key of [first, second, third]) await call(key)
  await call(third, 'mode:bad-request')
  await call(test)
  const today = new Date().toISOString().slice(0, 10)
  const rows = async (query: string) => dataOf(await house.admin('GET', `/usage?${query}`))
  assert.deepEqual(await rows(''), [
    { mode: 'test', calls: 1, succeeded: 1, failed: 0, credits: 0 },
    { mode: 'live', calls: 5, succeeded: 4, failed: 1, credits: 12 },
  ])
  assert.deepEqual(
    (await rows('group_by=account')).filter(({ mode }) => mode === 'live'),
    [
      { account_id: other, mode: 'live', calls: 2, succeeded: 1, failed: 1, credits: 3 },
      { account_id: one, mode: 'live', calls: 3, succeeded: 3, failed: 0, credits: 9 },
    ],
  )
  assert.deepEqual(await rows(`group_by=offer,key,day,account&account=${other}`), [
    {
      ...{ day: today, account_id: other, key_id: third.id, offer: 'stable-image-core', mode: 'live' },
      ...{ calls: 2, succeeded: 1, failed: 1, credits: 3 },
    },
  ])
  assert.deepEqual(await rows('from=2001-01-01&to=2002-01-01'), [])
  assert.equal((await rows(`group_by=day&from=${today}`)).length, 2)
  assert.deepEqual(await rows(`to=${today}`), [])
  const pages = await everything(house, '/usage?group_by=day,key', 1)
  assert.deepEqual(pages, await rows('group_by=day,key'))
  assert.equal(pages.length, 4)
  const table = await csvOf(house, '/usage?group_by=key')
  assert.deepEqual(table[0], ['key_id', 'mode', 'calls', 'succeeded', 'failed', 'credits'])
  assert.equal(table.length, 5)
  await post(house, `/calls/${charged.headers['x-request-id']}/refund`, { reason: 'x' })
  assert.equal((await rows(`account=${one}&group_by=key`)).at(-1)?.['credits'], 3)
  await house.balanced()
})

test('a report that cannot be is refused', async (t) => {
  const house = await openTestHouse(t)
  for (const by of ['', 'week', 'day,', 'day,day', 'DAY', 'day;DROP TABLE usage', 'day,key,offer,account,day']) {
    refusal(await house.admin('GET', `/usage?group_by=${encodeURIComponent(by)}`), 400, 'bad_request', 'group_by: ')
  }
  const cursor = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  for (const place of [
    [],
    ['live'],
    [1, 'live'],
    ['20261122', 'live', 'x'],
    ['x', 'live'],
    'live',
    null,
    [20261122, "'\n"],
  ]) {
    const path = `/usage?group_by=day&cursor=${cursor(place)}`
    if (Array.isArray(place) && place.length === 2 && place[0] === 1) good(await house.admin('GET', path))
    else refusal(await house.admin('GET', path), 400, 'bad_request', 'cursor: ')
  }
  refusal(await house.admin('GET', '/usage?from=soon'), 400, 'bad_request', 'from: ')
  refusal(await house.admin('GET', '/usage?group=day'), 400, 'bad_request', 'group: is not known here')
})
