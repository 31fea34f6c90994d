import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { parse } from 'yaml'
import { behind, openTestHouse } from '../support/house.ts'
import { load } from '../support/loaded.ts'
import { checkout } from '../support/process.ts'
import { openPrometheus, withPrometheus } from '../support/prometheus.ts'
import { opened } from '../support/stand-in-client.ts'
import { textOf } from './files.ts'

type Panel = {
  readonly id: number
  readonly title: string
  readonly type: string
  readonly description?: string
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
  readonly targets?: readonly { readonly refId: string; readonly expr: string }[]
}

const { panels } = JSON.parse(textOf('docker/grafana-dashboard.json')) as { panels: readonly Panel[] }
const drawn = panels.filter(({ type }) => type !== 'row')

/** What Grafana puts in place of its variables. */
function filledIn(expression: string): string {
  return expression.replaceAll('$__rate_interval', '1m').replaceAll('$job', '.*')
}

test('every panel has a place of its own, a sentence, and a query', () => {
  assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length)
  for (const { title, description, gridPos, targets } of drawn) {
    assert.match(description ?? '', /\.$/, title)
    assert.ok((targets ?? []).length > 0 && gridPos.x + gridPos.w <= 24, title)
  }
  const places = panels.map(({ gridPos: { x, y } }) => `${x} ${y}`)
  assert.equal(new Set(places).size, places.length)
})

withPrometheus('the queries of the dashboard', () => {
  test('every query of the dashboard returns samples from a loaded house, and every alert evaluates', async (t) => {
    const standIn = await opened(t)
    const house = await openTestHouse(t, behind(standIn))
    // The first scrape of a counter must come before what it counts, or nothing seems to have happened.
    await load(house)
    const prometheus = await openPrometheus(t, house, join(checkout, 'docker/alerts.yaml'))
    await prometheus.scraped(2)
    await load(house)
    await prometheus.scraped(4)
    for (const { title, targets = [] } of drawn) {
      for (const { refId, expr } of targets) {
        const samples = await prometheus.query(filledIn(expr))
        assert.ok(samples.length > 0, `${title} ${refId}: no samples of ${expr}`)
        for (const { value } of samples) assert.ok(!Number.isNaN(Number(value?.[1])), `${title} ${refId}: ${expr}`)
      }
    }
    const { groups } = parse(textOf('docker/alerts.yaml')) as { groups: { rules: { alert: string; expr: string }[] }[] }
    const alerts = groups.flatMap(({ rules }) => rules)
    for (const { expr } of alerts) await prometheus.query(expr)
    for (let tries = 100; (await prometheus.rules()).some(({ health }) => health === 'unknown'); tries--) {
      assert.ok(tries > 0, 'the rules were not evaluated')
      await new Promise((wake) => setTimeout(wake, 100))
    }
    assert.deepEqual(
      (await prometheus.rules()).map(({ name, health, lastError }) => [name, health, lastError]),
      alerts.map(({ alert }) => [alert, 'ok', undefined]),
    )
    await house.balanced()
  })
})
