import type { Command } from 'commander'
import type { Environment } from '../config.ts'
import { accounts } from './accounts.ts'
import { books } from './books.ts'
import { calls } from './calls.ts'
import { credits } from './credits.ts'
import { keys } from './keys.ts'
import { offers } from './offers.ts'
import { operators } from './operators.ts'
import { reconcile } from './reconcile.ts'
import { tokens } from './tokens.ts'
import { usage } from './usage.ts'
import { webhooks } from './webhooks.ts'

/** One file per noun of the admin API; a new one joins here. */
const nouns = [accounts, credits, keys, calls, usage, offers, tokens, operators, webhooks, reconcile, books]

/** Adds the commands that ask a gateway through its admin API. */
export function addNouns(program: Command, env: Environment): void {
  for (const noun of nouns) noun(program, env)
}

const secretOption = /^--?(admin-?key|api-?key|key|master|token|secret|password|authorization|bearer)(=|$)/i
const secretText = /tg_(live|test|admin)_\w{12}|^sk-/

/**
 * Other users of the machine and the shell's history can read arguments, so a secret among them is refused, and not
 * repeated. Undefined when there is none.
 */
export function secretAmong(args: readonly string[]): string | undefined {
  // The filter of `calls list` names a key by its id.
  const isFilter = (at: number) => args[0] === 'calls' && /^--key(=|$)/.test(args[at] ?? '')
  const named = args.some((arg, at) => secretOption.test(arg) && !isFilter(at))
  if (!named && !args.some((arg) => secretText.test(arg))) return undefined
  return 'Secrets are never arguments: give yours in TOLLGATE_ADMIN_KEY or TOLLGATE_ADMIN_KEY_FILE, and name keys by id.'
}
