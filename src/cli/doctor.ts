import { type Config, ConfigFault, type Environment, loadConfig } from '../config.ts'
import type { Database } from '../store/open.ts'
import { refuseOldSqlite } from '../store/sqlite.ts'
import { checkFile } from './doctor-file.ts'
import { checkRedis, checkUpstream } from './doctor-outside.ts'
import { checkServer } from './doctor-postgres.ts'
import { type Finding, fail, ok, warn } from './finding.ts'
import { booksOf } from './local-books.ts'
import { booksLines } from './proof.ts'
import { databaseOf, type Report, sentencesOf, withEnvFile } from './tool.ts'

/**
 * Looks at everything the house stands on, beside a running server or without one, and changes nothing. Exit code 0 when
 * nothing failed, 78 when a setting is wrong, else 1. No finding has a secret in it.
 */
export async function doctor(env: Environment): Promise<Report> {
  const given = withEnvFile(env)
  const { config, findings } = settings(given)
  const all = [...findings, ...versions()]
  const database = config?.database ?? databaseIn(given)
  if (database) all.push(...(await checkDatabase(database)))
  if (config) all.push(...(await checkRedis(config)), ...(await checkUpstream(config)))
  const failed = all.some(({ state }) => state === 'fail')
  const width = Math.max(...all.map(({ check }) => check.length))
  return {
    lines: all.map(({ check, state, detail }) => `${state.padEnd(4)}  ${check.padEnd(width)}  ${detail}`),
    data: { ok: !failed, checks: all },
    exitCode: config === undefined ? 78 : failed ? 1 : 0,
  }
}

function settings(env: Environment): { config: Config | undefined; findings: Finding[] } {
  try {
    const { config, warnings, sandboxMode } = loadConfig(env)
    const mode = sandboxMode ? 'sandbox mode: no UPSTREAM_TOKENS' : 'the upstream has tokens'
    return {
      config,
      findings: [ok('settings', `all can be used; ${mode}`), ...warnings.map((each) => warn('settings', each))],
    }
  } catch (error) {
    if (!(error instanceof ConfigFault)) throw error
    return { config: undefined, findings: error.faults.map((fault) => fail('settings', fault)) }
  }
}

/** Other faults in the settings are no reason not to look at the ledger. */
function databaseIn(env: Environment): Database | undefined {
  try {
    return databaseOf(env)
  } catch {
    return undefined
  }
}

function versions(): Finding[] {
  const node = ok('node', process.versions.node)
  const sqlite = process.versions['sqlite'] ?? 'none'
  try {
    refuseOldSqlite(sqlite)
    return [node, ok('sqlite', sqlite)]
  } catch (error) {
    return [node, fail('sqlite', sentencesOf(error).join(' '))]
  }
}

async function checkDatabase(database: Database): Promise<readonly Finding[]> {
  const { findings, readable } = database.kind === 'sqlite' ? checkFile(database.path) : await checkServer(database.url)
  return readable ? [...findings, await checkBooks(database)] : findings
}

async function checkBooks(database: Database): Promise<Finding> {
  try {
    const proof = await booksOf(database)
    const told = booksLines(proof).join(' ')
    return proof.balanced ? ok('books', told) : fail('books', told)
  } catch (error) {
    return fail('books', sentencesOf(error).join(' '))
  }
}
