import assert from 'node:assert/strict'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { Environment } from '../../src/config.ts'
import { openSelling } from '../support/admin.ts'
import { adminKey, type TestHouse } from '../support/house.ts'
import { checkout, openPlace, type Place } from '../support/process.ts'

export type Done = {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  /** What `--json` printed. */
  json(): Record<string, unknown>
  /** The rows of the list that `--json` printed. */
  rows(): Record<string, unknown>[]
}

export type Desk = {
  readonly house: TestHouse
  readonly place: Place
  /** Runs `tollgate` as a process of its own against the house, and fails when it shows a stack trace. */
  tollgate(words: readonly string[], env?: Environment): Promise<Done>
  /** The same, and it must end well. */
  good(...words: readonly string[]): Promise<Done>
  /** Runs what must be refused: nothing on stdout, and the sentences on stderr. */
  refused(code: number, words: readonly string[], env?: Environment): Promise<string>
}

/** A house that sells, and a place to run the command line at with the operator's key. */
export async function openDesk(t: TestContext, settings: Environment = {}): Promise<Desk> {
  const house = await openSelling(t, settings)
  const place = openPlace(t)

  async function tollgate(words: readonly string[], env: Environment = {}): Promise<Done> {
    const command = [process.execPath, join(checkout, 'src/cli/tollgate.mjs'), ...words] as const
    const access = { TOLLGATE_URL: house.origin, TOLLGATE_ADMIN_KEY: adminKey }
    const { code, stdout, stderr } = await place.run({ command, env: { ...access, ...env } })
    assert.doesNotMatch(stdout + stderr, /^\s+at |node:internal/m)
    const json = () => JSON.parse(stdout) as Record<string, unknown>
    return { code, stdout, stderr, json, rows: () => json()['data'] as Record<string, unknown>[] }
  }

  async function good(...words: readonly string[]): Promise<Done> {
    const done = await tollgate(words)
    assert.equal(done.code, 0, done.stderr)
    return done
  }

  async function refused(code: number, words: readonly string[], env: Environment = {}): Promise<string> {
    const done = await tollgate(words, env)
    assert.deepEqual([done.code, done.stdout], [code, ''], done.stderr)
    return done.stderr
  }

  return { house, place, tollgate, good, refused }
}

/** What stands behind the name of a fact. */
export function factIn({ stdout }: Done, name: string): string | undefined {
  const line = stdout.split('\n').find((each) => each.startsWith(`${name}  `) || each.startsWith(`${name} `))
  return line?.slice(name.length).trim()
}
