import type { Command } from 'commander'
import type { Environment } from '../config.ts'
import type { Progress } from './move-to.ts'
import { runTool } from './tool.ts'

type Options = { readonly json?: true }

/** Adds the commands that work on this machine, not through the API. Each is loaded when it runs. */
export function addTools(program: Command, env: Environment): void {
  const tool = (usage: string, about: string) =>
    program.command(usage).description(about).option('--json', 'tell it as JSON')
  tool('doctor', 'look at settings, ledger, disk, clock and tokens').action(({ json }: Options) =>
    runTool(json, async () => (await import('./doctor.ts')).doctor(env)),
  )
  tool('backup <file>', 'copy the ledger into a new file and check it, while the server runs').action(
    (file: string, { json }: Options) => runTool(json, async () => (await import('./backup.ts')).backup(file, env)),
  )
  tool('restore <file>', 'put a backup in the place of the ledger, which is kept').action(
    (file: string, { json }: Options) => runTool(json, async () => (await import('./restore.ts')).restore(file, env)),
  )
  tool('migrate', "bring the ledger to this version's schema, after a copy").action(({ json }: Options) =>
    runTool(json, async () => (await import('./migrate.ts')).migrate(env)),
  )
  tool(
    'move-to <url>',
    'move a SQLite ledger to an empty PostgreSQL database; PGPASSWORD keeps the password out of sight',
  ).action((url: string, { json }: Options) => {
    if (withPassword.test(url)) process.stderr.write(`${openPassword}\n`)
    return runTool(json, async () => (await import('./move-to.ts')).moveTo(url, env, shown))
  })
}

const withPassword = /:\/\/[^/@\s]*:[^/@\s]+@/
/** An address is pasted as it is, so it is taken; whoever can list processes reads it too. */
const openPassword =
  'warning: the address has a password in it, which others on this machine can read; PGPASSWORD keeps it out of sight.'

/** Only a terminal can write over a line that says how far it is. */
const shown: Progress = (table, rows, isWhole) => {
  if (process.stderr.isTTY) process.stderr.write(isWhole ? '\r\x1b[K' : `\r\x1b[K${table}: ${rows} rows`)
}
