import { loadEnvFile } from 'node:process'
import { isatty } from 'node:tty'
import { pathToFileURL } from 'node:url'
import type { Logger } from 'pino'
import { type Config, ConfigFault, loadConfig } from './config.ts'
import { type House, openHouse } from './house.ts'
import { openLog, openOutput } from './log.ts'
import { StoreRefusal } from './store/store.ts'

type End = (exitCode: number) => Promise<never>

/**
 * The process: settings, the house, signals. Exit codes after sysexits.h: 0 done, 1 calls left to recovery, 65 damaged
 * database, 70 internal error, 75 database in use, 78 settings.
 */
export async function serve(): Promise<void> {
  const { config, warnings } = settingsOrExit()
  const output = openOutput()
  const log = openLog(config.logLevel, isatty(1), output)
  output.onFlowing((lines) => log.warn({ reason: 'log_blocked', lines }, 'log lines were dropped: nobody took them'))
  const end: End = async (exitCode) => {
    await output.ended()
    process.exit(exitCode)
  }
  endOnBugs(log, end)
  for (const warning of warnings) log.warn({ reason: 'settings' }, warning)
  const stopping = new AbortController()
  // The signals come first: one that arrives during the start must not cut it in two.
  const opening = Promise.resolve().then(async () => {
    const house = await openHouse(config, log, stopping.signal)
    if (house.sandboxMode) log.warn({ reason: 'sandbox' }, 'SANDBOX MODE: no UPSTREAM_TOKENS, so live keys get 503')
    log.info({ address: house.origin }, 'listening')
    output.write(greeting(house))
    return house
  })
  closeOnSignals(opening, stopping, config.shutdownGraceMs, log, end)
  await opening.catch((error) => end(stopping.signal.aborted ? 0 : refuse(error)))
}

function settingsOrExit(): { config: Config; warnings: readonly string[] } {
  try {
    loadEnvFile('.env')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ENOENT') process.exit(tell(78, [`.env: cannot be read (${code}).`]))
  }
  try {
    return loadConfig(process.env)
  } catch (error) {
    if (error instanceof ConfigFault) process.exit(tell(78, error.faults))
    throw error
  }
}

/** What state a bug left behind nobody knows, so the process ends and recovery starts from the ledger. */
function endOnBugs(log: Logger, end: End): void {
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.once(event, (error) => {
      log.fatal({ err: error }, 'internal error')
      end(70)
    })
  }
}

/** npm and the terminal both send the signal, so what comes within this time is the same one. */
const sameSignalMs = 1000

function closeOnSignals(
  opening: Promise<House>,
  stopping: AbortController,
  graceMs: number,
  log: Logger,
  end: End,
): void {
  let sinceMs: number | undefined
  const close = async (): Promise<void> => {
    if (sinceMs !== undefined) {
      if (performance.now() - sinceMs <= sameSignalMs) return
      log.error('ended at once by a second signal: open calls are left to recovery')
      await end(1)
    }
    sinceMs = performance.now()
    stopping.abort()
    const house = await opening
    log.info('closing: no new paid calls')
    const left = await house.close(graceMs)
    if (left.length > 0) log.error({ calls: left }, 'calls were left to recovery')
    else log.info('closed')
    await end(left.length > 0 ? 1 : 0)
  }
  process.on('SIGTERM', close)
  process.on('SIGINT', close)
  process.on('SIGHUP', () => undefined)
}

const addressFaults: Readonly<Record<string, string>> = {
  EADDRINUSE: 'PORT: something else listens there already.',
  EACCES: 'HOST, PORT: this machine does not let Tollgate listen there.',
  EADDRNOTAVAIL: 'HOST: is no address of this machine.',
  ENOTFOUND: 'HOST: is a name that nobody knows.',
}

/** Tells why the start stops, and answers the exit code. An error that is none of the expected ones is thrown on. */
function refuse(error: unknown): number {
  if (error instanceof StoreRefusal) return tell(error.exitCode, [error.message])
  const { code = '', syscall } = error as NodeJS.ErrnoException
  const fault = syscall === 'listen' || syscall === 'getaddrinfo' ? addressFaults[code] : undefined
  if (fault) return tell(78, [fault])
  throw error
}

function tell(exitCode: number, lines: readonly string[]): number {
  process.stderr.write(`Tollgate did not start:\n${lines.map((line) => `  ${line}\n`).join('')}`)
  return exitCode
}

/** What a person at the terminal needs next. Keys are told here once and in no log. */
function greeting({ origin, first, sandboxMode }: House): string {
  const operator = `Operator key, shown only now (it opens ${origin}/dashboard/ and ${origin}/admin/v1):\n\n  ${first.adminKey}\n`
  const demo = `Draw a picture with the demo key, shown only now:\n\n${pictureWith(origin, first.demoKey)}`
  const parts = [
    ...(first.adminKey ? [operator] : []),
    ...(sandboxMode ? ['Sandbox mode: no upstream token is set, so nothing leaves this machine.\n'] : []),
    ...(sandboxMode ? [first.demoKey ? demo : anotherKey(origin)] : []),
  ]
  return parts.length > 0 ? `\n${parts.join('\n')}\n` : ''
}

function pictureWith(origin: string, key: string | undefined): string {
  return shell([
    `curl -fsS ${origin}/sd/v2beta/stable-image/generate/core`,
    `-H 'authorization: Bearer ${key}'`,
    `-F prompt='A lighthouse at dawn' -F output_format=png -o lighthouse.png`,
  ])
}

function anotherKey(origin: string): string {
  const request = shell([
    `curl -fsS ${origin}/admin/v1/accounts/ACCOUNT_ID/keys`,
    `-H 'authorization: Bearer OPERATOR_KEY' -H 'content-type: application/json'`,
    `-d '{"name": "another", "mode": "test"}'`,
  ])
  return `The demo key was shown at the first start; make another with an operator key (ADMIN_KEY sets one):\n\n${request}`
}

function shell(lines: readonly string[]): string {
  return `  ${lines.join(' \\\n    ')}\n`
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) await serve()
