import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { parse } from 'yaml'
import { behind, openTestHouse } from '../support/house.ts'
import { load } from '../support/loaded.ts'
import { checkout } from '../support/process.ts'
import { promtool, withPrometheus } from '../support/prometheus.ts'
import { opened } from '../support/stand-in-client.ts'
import { textOf } from './files.ts'

type Rule = { readonly alert: string; readonly expr: string; readonly annotations: { readonly summary: string } }
type Case = { readonly alertname: string; readonly exp_alerts: readonly unknown[] }

const rulesFile = join(checkout, 'docker/alerts.yaml')
const casesFile = join(checkout, 'test/docker/alerts.rules.yaml')

function rules(): readonly Rule[] {
  const { groups } = parse(textOf('docker/alerts.yaml')) as { groups: { rules: Rule[] }[] }
  return groups.flatMap((group) => group.rules)
}

test('every alert has a case in which it fires and one in which it is silent', () => {
  const { tests } = parse(textOf('test/docker/alerts.rules.yaml')) as { tests: { alert_rule_test: Case[] }[] }
  const cases = tests.flatMap((each) => each.alert_rule_test)
  for (const { alert } of rules()) {
    const mine = cases.filter(({ alertname }) => alertname === alert)
    assert.ok(
      mine.some(({ exp_alerts }) => exp_alerts.length > 0),
      `${alert} never fires`,
    )
    assert.ok(
      mine.some(({ exp_alerts }) => exp_alerts.length === 0),
      `${alert} is never silent`,
    )
  }
})

test('the alerts that were promised are there, each with a sentence', () => {
  const names = rules().map(({ alert }) => alert)
  const promised = ['Imbalance', 'HoldTooOld', 'TokenDown', 'QueueWait', 'ErrorRatio', 'UpstreamBalanceLow']
  for (const name of promised) assert.ok(names.includes(`Tollgate${name}`), name)
  assert.equal(new Set(names).size, names.length)
  for (const { alert, annotations } of rules()) assert.match(annotations.summary, /\.$/, alert)
})

withPrometheus('the alert rules and the names of metrics', () => {
  test('promtool finds no fault in the rules and in the example of a scrape', () => {
    assert.match(promtool(['check', 'rules', rulesFile]), new RegExp(`SUCCESS: ${rules().length} rules found`))
    promtool(['check', 'config', '--syntax-only', join(checkout, 'docker/prometheus.yaml')])
  })

  test('each rule fires when it must and is silent when it must', () => {
    assert.match(promtool(['test', 'rules', casesFile]), /SUCCESS/)
  })

  test('promtool finds no fault in the names of our metrics', async (t) => {
    const standIn = await opened(t)
    const house = await openTestHouse(t, behind(standIn))
    await load(house)
    const scraped = (await house.client.send('GET', '/metrics', {})).body.toString()
    const ours = scraped.split('\n').filter((line) => /^(# \w+ )?tollgate_/.test(line))
    assert.equal(promtool(['check', 'metrics'], `${ours.join('\n')}\n`), '')
    await house.balanced()
  })
})
