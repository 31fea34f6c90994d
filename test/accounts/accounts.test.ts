import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type AccountFilter, changing, finding, openAccounts } from '../../src/accounts/accounts.ts'
import { forEachStore } from '../support/stores.ts'

const names = [
  'Design Team',
  'design',
  'Équipe Design',
  'Team  North',
  'İstanbul',
  '100% _sure_',
  'xdesign',
  '设计 团队',
]

forEachStore((name, open) => {
  test(`${name}: accounts are found by what their names, words and ids begin with, newest first, page by page`, async (t) => {
    const { store } = await open(t)
    const accounts = openAccounts(store)
    const made: { id: string; texts: string[]; status: string }[] = []
    for (let index = 0; index < 48; index++) {
      const name = `${names[index % names.length]} ${index}`
      const { id, unit } = accounts.creating(name, `CRM-${index}`)
      await store.write(unit)
      const status = index % 5 === 0 ? 'suspended' : 'active'
      if (status === 'suspended') await store.write(changing(await accounts.get(id), { status }).unit)
      const texts = [name, ...name.split(/\s+/), `crm-${index}`].map((text) => text.toLowerCase())
      made.unshift({ id, texts, status })
    }
    for (const q of [
      'design',
      'DESIGN TEAM 8',
      'équipe',
      'team',
      'crm-1',
      'CRM-47',
      '100%',
      '_',
      'İST',
      '团',
      'none',
      "' OR 1=1",
    ]) {
      for (const status of [undefined, 'active', 'suspended'] as const) {
        const wanted = made
          .filter(({ texts }) => texts.some((text) => text.startsWith(q.toLowerCase())))
          .filter((account) => status === undefined || account.status === status)
          .map(({ id }) => id)
        const listed = await accounts.list({ q, status, limit: 200 })
        assert.deepEqual(
          listed.map(({ id }) => id),
          wanted,
        )
        for (const few of [true, false]) {
          const found: string[] = []
          for (let before: string | undefined; ; ) {
            const filter: AccountFilter = { q, status, before, limit: 9 }
            const { sql, params } = finding(filter, few)
            const page = (await store.read(sql, params)).map(({ id }) => String(id))
            found.push(...page)
            before = page.at(-1)
            if (page.length < 9) break
          }
          assert.deepEqual(found, wanted, `${q} ${status} ${few}`)
        }
      }
    }
  })

  test(`${name}: a renamed account is found by its new name only, and a closed one by none`, async (t) => {
    const { store } = await open(t)
    const accounts = openAccounts(store)
    const { id, unit } = accounts.creating('Old House', 'crm-1')
    await store.write(unit)
    const found = async (q: string) => (await accounts.list({ q, limit: 2 })).length
    await store.write(changing(await accounts.get(id), { name: 'New Garden' }).unit)
    assert.deepEqual(
      [await found('old'), await found('house'), await found('garden'), await found('crm')],
      [0, 0, 1, 1],
    )
    await store.write(changing(await accounts.get(id), { status: 'closed' }).unit)
    assert.deepEqual([await found('new'), await found('crm'), await found(id)], [0, 0, 1])
    assert.deepEqual(await store.read('SELECT word FROM account_words'), [])
  })
})
