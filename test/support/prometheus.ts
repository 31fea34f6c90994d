import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { withPrograms } from './programs.ts'

const install = 'apt-get install -y --no-install-recommends prometheus'

export const withPrometheus = (what: string, define: () => void) =>
  withPrograms(['promtool', 'prometheus'], what, define, install)

/** What promtool says; throws with its words when it finds a fault. */
export function promtool(args: readonly string[], input = ''): string {
  const { status, stdout, stderr } = spawnSync('promtool', args, { input, encoding: 'utf8' })
  assert.equal(status, 0, `promtool ${args.join(' ')}:\n${stdout}${stderr}`)
  return stdout + stderr
}

type Sample = { readonly metric: Readonly<Record<string, string>>; readonly value?: readonly [number, string] }
export type Prometheus = {
  /** The samples of an expression at this moment; throws when it cannot be evaluated. */
  query(expression: string): Promise<readonly Sample[]>
  /** Resolves once that many scrapes of the house have been taken. */
  scraped(times: number): Promise<void>
  /** The rules it has loaded: their names, and the error of the last evaluation. */
  rules(): Promise<readonly { readonly name: string; readonly health: string; readonly lastError?: string }[]>
}

/** Debian's Prometheus on loopback with a folder of its own, scraping a house every second; gone with the test. */
export async function openPrometheus(
  t: TestContext,
  house: { origin: string },
  rulesFile: string,
): Promise<Prometheus> {
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-prometheus-'))
  const config = join(folder, 'prometheus.json')
  const targets = [new URL(house.origin).host]
  writeFileSync(
    config,
    JSON.stringify({
      global: { scrape_interval: '1s', evaluation_interval: '1s' },
      rule_files: [rulesFile],
      scrape_configs: [{ job_name: 'tollgate', static_configs: [{ targets }] }],
    }),
  )
  const options = [`--config.file=${config}`, `--storage.tsdb.path=${join(folder, 'data')}`]
  const child = spawn('prometheus', [...options, '--web.listen-address=127.0.0.1:0'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  t.after(async () => {
    const ended = once(child, 'exit')
    if (child.exitCode === null && child.kill('SIGKILL')) await ended
    rmSync(folder, { recursive: true })
  })
  let address = ''
  const lines = createInterface(child.stderr)
  for await (const line of lines) {
    address = /"Listening on" address=(\S+)/.exec(line)?.[1] ?? address
    if (line.includes('Server is ready')) break
  }
  child.stderr.resume()
  assert.notEqual(address, '', 'prometheus did not start')

  async function ask(path: string): Promise<Record<string, unknown>> {
    const answer = await fetch(`http://${address}${path}`)
    const told = (await answer.json()) as { status: string; error?: string; data: Record<string, unknown> }
    assert.equal(told.status, 'success', `${decodeURIComponent(path)}: ${told.error}`)
    return told.data
  }

  async function query(expression: string): Promise<readonly Sample[]> {
    const { result } = await ask(`/api/v1/query?query=${encodeURIComponent(expression)}`)
    return Array.isArray(result) ? result : []
  }

  async function scraped(times: number): Promise<void> {
    for (let tries = 300; ; tries--) {
      const [found] = await query('sum(count_over_time(tollgate_build_info[5m]))')
      if (Number(found?.value?.[1] ?? 0) >= times) return
      assert.ok(tries > 0, 'the house was not scraped')
      await sleep(100)
    }
  }

  async function rules() {
    const { groups } = (await ask('/api/v1/rules')) as { groups: { rules: { name: string; health: string }[] }[] }
    return groups.flatMap((group) => group.rules)
  }

  return { query, scraped, rules }
}
