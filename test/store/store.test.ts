import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openStore } from '../../src/store/open.ts'
import { type Statement, type Store, StoreRefusal } from '../../src/store/store.ts'
import { forEachStore } from '../support/stores.ts'

const add = (id: string, by = 1): Statement => {
  return { sql: 'UPDATE spends SET total_used = total_used + $2 WHERE id = $1', params: [id, by] }
}
const make = (id: string, total = 0): Statement => {
  return {
    sql: 'INSERT INTO spends (id, day, day_used, month_used, total_used) VALUES ($1, 0, 0, 0, $2)',
    params: [id, total],
  }
}

async function total(store: Store, id: string): Promise<unknown> {
  const [row] = await store.read('SELECT total_used FROM spends WHERE id = $1', [id])
  return row?.['total_used']
}

forEachStore((name, open) => {
  test(`${name}: a unit answers the rows of each statement`, async (t) => {
    const { store } = await open(t)
    const done = await store.write([
      make('a', 7),
      { sql: 'UPDATE spends SET total_used = total_used + 1 RETURNING id, total_used', params: [] },
      { sql: 'SELECT count(*) AS count FROM spends', params: [] },
    ])
    assert.equal(done.refused, undefined)
    assert.deepEqual(
      done.rows.map((rows) => rows.map((row) => ({ ...row }))),
      [[], [{ id: 'a', total_used: 8 }], [{ count: 1 }]],
    )
  })

  test(`${name}: values come back as they went in`, async (t) => {
    const { store } = await open(t)
    const text = 'a "quoted" \\ {text}, \u{1f511} and a\nsecond line'
    const sql = `SELECT CAST($1 AS TEXT) AS text, CAST($2 AS BIGINT) AS most, CAST($3 AS BIGINT) AS least, $4 AS bytes,
      CAST($5 AS TEXT) AS absent, CAST(sum(total_used) AS TEXT) AS sum FROM spends`
    const most = Number.MAX_SAFE_INTEGER
    const bytes = name === 'postgres' ? Uint8Array.of(0, 1, 128, 255) : null
    await store.write([make('a', most), make('b', most)])
    const [row] = await store.read(sql, [text, most, -most, bytes, null])
    const { bytes: kept, ...rest } = row ?? {}
    assert.deepEqual(kept && Buffer.from(kept as Uint8Array), bytes && Buffer.from(bytes))
    assert.deepEqual({ ...rest }, { text, most, least: -most, absent: null, sum: String(2n * BigInt(most)) })
  })

  test(`${name}: a unit whose last statement fails has written nothing`, async (t) => {
    const { store } = await open(t)
    await assert.rejects(store.write([make('a'), make('b'), make('a')]))
    assert.deepEqual(await store.read('SELECT * FROM spends'), [])
  })

  const musts = {
    'an update': { sql: `UPDATE spends SET day = 1 WHERE id = 'none'`, params: [], must: 'word' },
    'an update with rows': {
      sql: `UPDATE spends SET day = 1 WHERE id = 'none' RETURNING id`,
      params: [],
      must: 'word',
    },
    'a delete': { sql: `DELETE FROM spends WHERE id = 'none'`, params: [], must: 'word' },
    'an insert of what is there': {
      sql: `INSERT INTO spends (id, day, day_used, month_used, total_used) VALUES ('a', 0, 0, 0, 0) ON CONFLICT (id) DO NOTHING`,
      params: [],
      must: 'word',
    },
    'a read': { sql: `SELECT id FROM spends WHERE id = 'none'`, params: [], must: 'word' },
  }
  for (const [kind, must] of Object.entries(musts)) {
    test(`${name}: ${kind} that must touch a row and does not undoes its unit`, async (t) => {
      const { store } = await open(t)
      await store.write([make('a')])
      for (const unit of [
        [must, add('a')],
        [add('a'), must, add('a')],
        [make('b'), must],
      ]) {
        assert.deepEqual(await store.write(unit), { refused: 'word', rows: [] })
      }
      assert.deepEqual([await total(store, 'a'), await total(store, 'b')], [0, undefined])
      const done = await store.write([{ ...add('a'), must: 'word' }])
      assert.deepEqual(done, { refused: undefined, rows: [[]] })
      assert.equal(await total(store, 'a'), 1)
    })
  }

  test(`${name}: of two statements that must, the one that refused gives the word`, async (t) => {
    const { store } = await open(t)
    await store.write([make('a')])
    const unit = [
      { ...add('a'), must: 'first' },
      { ...add('none'), must: 'second' },
    ]
    assert.equal((await store.write(unit)).refused, 'second')
    assert.equal(await total(store, 'a'), 0)
  })

  test(`${name}: concurrent units lose nothing, and a failing or refused one costs its neighbours nothing`, async (t) => {
    const { store } = await open(t)
    await store.write([make('a'), make('taken')])
    const units = Array.from({ length: 300 }, (_, index) => {
      if (index % 10 === 3) return [add('a', 1000), make('taken')]
      if (index % 10 === 7) return [add('a', 1000), { ...add('none'), must: 'word' }]
      return [add('a')]
    })
    const done = await Promise.allSettled(units.map((unit) => store.write(unit)))
    const count = (found: (each: (typeof done)[number]) => boolean) => done.filter(found).length
    assert.equal(
      count((each) => each.status === 'rejected'),
      30,
    )
    assert.equal(
      count((each) => each.status === 'fulfilled' && each.value.refused === 'word'),
      30,
    )
    assert.equal(await total(store, 'a'), 240)
  })

  test(`${name}: the reads of a snapshot are of one moment`, async (t) => {
    const { store } = await open(t)
    await store.write([make('a', 1000), make('b', 0)])
    let moving = true
    const move = async () => {
      while (moving) await store.write([add('a', -1), add('b', 1)])
    }
    const movers = [move(), move()]
    const one = (id: string) => ({ sql: 'SELECT total_used FROM spends WHERE id = $1', params: [id] })
    for (let looks = 0; looks < 50; looks++) {
      const found = await store.snapshot([one('a'), one('b'), one('a')])
      const [a, b, again] = found.map((rows) => Number(rows[0]?.['total_used']))
      assert.equal(Number(a) + Number(b), 1000)
      assert.equal(a, again)
    }
    moving = false
    await Promise.all(movers)
  })

  test(`${name}: what a unit wrote is seen by the next read`, async (t) => {
    const { store } = await open(t)
    for (let count = 0; count < 30; count++) {
      await store.write([make(`row ${count}`)])
      assert.equal((await store.read('SELECT id FROM spends')).length, count + 1)
    }
  })

  for (const table of ['entries', 'audit']) {
    test(`${name}: ${table} can be neither changed nor, for entries, removed`, async (t) => {
      const { store } = await open(t)
      const zero = `'x', 'x', NULL, 'active', 0, 0, 1, 0, 0, 0, 0, NULL, NULL, NULL, NULL, NULL, 1, 0`
      const columns = `id, name, external_id, status, posted, held, entries, day, day_used, month_used, total_used, rate_calls,
        rate_window_seconds, max_concurrency, quota_credits, quota_period, version, created_at`
      await store.write([
        { sql: `INSERT INTO accounts (${columns}) VALUES (${zero})`, params: [] },
        {
          sql: `INSERT INTO entries (account_id, number, id, kind, credits, posted_after, created_at) VALUES ('x', 1, 'e', 'grant', 1, 1, 0)`,
          params: [],
        },
        {
          sql: `INSERT INTO audit (id, actor, action, subject, created_at) VALUES ('a', 'o', 'did', 'x', 0)`,
          params: [],
        },
      ])
      const change = { sql: `UPDATE ${table} SET created_at = 5`, params: [] }
      await assert.rejects(store.write([change]), /immutable/)
      if (table === 'entries') {
        await assert.rejects(store.write([{ sql: 'DELETE FROM entries', params: [] }]), /immutable/)
      }
      assert.equal((await store.read(`SELECT * FROM ${table} WHERE created_at = 0`)).length, 1)
    })
  }

  test(`${name}: a database that is opened again is as it was left`, async (t) => {
    const { store, database } = await open(t)
    await store.write([make('a', 5)])
    await store.close()
    const again = await openStore(database)
    t.after(() => again.close())
    assert.equal(await total(again, 'a'), 5)
  })

  test(`${name}: a database of a newer version is refused and left alone`, async (t) => {
    const { store, database } = await open(t)
    const sql = 'INSERT INTO schema_migrations (number, name, applied_at) VALUES (9000, $1, 0)'
    await store.write([{ sql, params: ['from the future'] }])
    await store.close()
    await assert.rejects(openStore(database), (error) => {
      assert.ok(error instanceof StoreRefusal)
      assert.equal(error.exitCode, 78)
      assert.match(error.message, /newer Tollgate \(schema 9000\)/)
      return true
    })
  })
})
