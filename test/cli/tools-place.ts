import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { TestContext } from 'node:test'
import type { Environment } from '../../src/config.ts'
import { checkout, openPlace, type Place } from '../support/process.ts'

const main = join(checkout, 'src/cli/main.ts')

export type Done = {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  /** What `--json` printed. */
  json(): Record<string, unknown>
}

export type ToolPlace = Place & {
  /** Runs `tollgate` with the words on this place's ledger, and fails when it shows a stack trace. */
  tool(words: readonly string[], env?: Environment): Promise<Done>
  /** Moves the ledger to a server; the password goes where other users of the machine cannot read it. */
  move(address: string, words?: readonly string[], env?: Environment): Promise<Done>
  /** A change of the ledger behind everybody's back. */
  tamper(...sql: string[]): void
  names(): string[]
}

/** A place whose ledger the command line tools work on. */
export function openToolPlace(t: TestContext): ToolPlace {
  const place = openPlace(t)

  async function tool(words: readonly string[], env: Environment = {}): Promise<Done> {
    const { code, stdout, stderr } = await place.run({ command: [process.execPath, main, ...words], env })
    assert.doesNotMatch(stdout + stderr, /^\s+at |node:internal/m)
    return { code, stdout, stderr, json: () => JSON.parse(stdout) as Record<string, unknown> }
  }

  function move(address: string, words: readonly string[] = [], env: Environment = {}): Promise<Done> {
    const url = new URL(address)
    const { password } = url
    url.password = ''
    return tool(['move-to', url.href, ...words], { PGPASSWORD: decodeURIComponent(password), ...env })
  }

  function tamper(...sql: string[]): void {
    const file = new DatabaseSync(place.database)
    file.exec('PRAGMA foreign_keys = OFF')
    for (const each of sql) file.exec(each)
    file.close()
  }

  return { ...place, tool, move, tamper, names: () => readdirSync(place.folder).sort() }
}

export function digestOf(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex')
}
