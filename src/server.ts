import { loadEnvFile } from 'node:process'
import { pathToFileURL } from 'node:url'
import { type Config, ConfigFault, loadConfig } from './config.ts'
import { type House, openHouse } from './house.ts'
import { openLog } from './log.ts'
import { StoreRefusal } from './store/store.ts'

/**
 * The process: settings, the house, signals. Exit codes after sysexits.h: 0 done, 1 calls left to recovery, 65 damaged
 * database, 70 internal error, 75 database in use, 78 settings.
 */
export async function serve(): Promise<void> {
  const { config, warnings } = settingsOrExit()
  const log = openLog(config.logLevel, process.stdout.isTTY)
  const house = await openHouse(config, log).catch(refuse)
  for (const warning of warnings) log.warn({ reason: 'settings' }, warning)
  if (house.sandboxMode) log.warn({ reason: 'sandbox' }, 'SANDBOX MODE: no UPSTREAM_TOKENS, so live keys get 503')
  log.info({ address: house.origin }, 'listening')
  process.stdout.write(greeting(house))

  let closingSinceMs: number | undefined
  const stop = async (): Promise<void> => {
    // npm and the terminal both send the signal, so a second one within a second is the same one.
    if (closingSinceMs !== undefined) {
      if (performance.now() - closingSinceMs > 1000) process.exit(1)
      return
    }
    closingSinceMs = performance.now()
    log.info('closing: no new paid calls')
    const left = await house.close(config.shutdownGraceMs)
    if (left.length > 0) log.error({ calls: left }, 'calls were left to recovery')
    log.flush(() => process.exit(left.length > 0 ? 1 : 0))
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
  process.on('SIGHUP', () => undefined)
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error) => {
      // What state this left behind nobody knows; recovery starts from the ledger.
      log.fatal({ err: error }, 'internal error')
      log.flush(() => process.exit(70))
    })
  }
}

function settingsOrExit(): { config: Config; warnings: readonly string[] } {
  try {
    loadEnvFile('.env')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  try {
    return loadConfig(process.env)
  } catch (error) {
    if (error instanceof ConfigFault) exit(78, error.faults)
    throw error
  }
}

function refuse(error: unknown): never {
  if (error instanceof StoreRefusal) exit(error.exitCode, [error.message])
  const { code } = error as NodeJS.ErrnoException
  if (code === 'EADDRINUSE') exit(78, ['PORT: something else listens there already.'])
  if (code === 'EACCES' || code === 'EADDRNOTAVAIL')
    exit(78, ['HOST, PORT: this machine does not let Tollgate listen there.'])
  throw error
}

function exit(code: number, lines: readonly string[]): never {
  process.stderr.write(`Tollgate did not start:\n${lines.map((line) => `  ${line}\n`).join('')}`)
  process.exit(code)
}

/** What a person at the terminal needs next. Keys appear here once and in no log. */
function greeting({ origin, first, sandboxMode }: House): string {
  const operator = first.adminKey
    ? `\nOperator key, shown only now (it opens ${origin}/admin/v1):\n\n  ${first.adminKey}\n`
    : ''
  const sandbox = sandboxMode ? `\nSandbox mode: no upstream token is set, so nothing leaves this machine.\n` : ''
  const another = `Make a test key with POST ${origin}/admin/v1/accounts/{id}/keys {"name": "...", "mode": "test"}.\n`
  const call = first.demoKey
    ? `Draw a picture with the demo key, shown only now:\n\n${curl(origin, first.demoKey)}\n`
    : another
  return `${operator}${sandbox}${sandboxMode ? call : ''}\n`
}

function curl(origin: string, key: string): string {
  return [
    `  curl -fsS ${origin}/sd/v2beta/stable-image/generate/core`,
    `    -H 'authorization: Bearer ${key}'`,
    `    -F prompt='A lighthouse at dawn' -F output_format=png -o lighthouse.png\n`,
  ].join(' \\\n')
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) await serve()
