import type { Command } from 'commander'
import type { Environment } from '../config.ts'
import { namesKey } from './access.ts'
import { answeredSurely, type Got } from './client.ts'
import { type Telling, tell, verb, type Wish } from './telling.ts'
import { runTool, withEnvFile } from './tool.ts'

type Books = Got<'/admin/v1/books'>

/** `books`: the ledger recomputed, by the gateway for those who have its key, else right from the database here. */
export function books(program: Command, env: Environment): void {
  verb(
    program,
    'books',
    'recompute the ledger: through the API with TOLLGATE_ADMIN_KEY, else from its database',
  ).action(async (wish: Wish) => {
    if (!isForApi(env)) return runTool(wish.json, async () => (await import('./local-books.ts')).localBooks(env))
    await tell(env, wish, async (api) => proof(await answeredSurely(() => api.GET('/admin/v1/books'))))
  })
}

/** A `.env` that cannot be read is told by whoever reads it next. */
function isForApi(env: Environment): boolean {
  try {
    return namesKey(withEnvFile(env))
  } catch {
    return namesKey(env)
  }
}

function proof(told: Books): Telling {
  const { balanced, imbalance, accounts, posted, held, open_holds, faults } = told
  const sums = `${accounts} accounts, ${posted} credits posted, ${held} held by ${open_holds} calls`
  const verdict = balanced ? 'The books balance' : `The books do not balance by ${imbalance} credits`
  const lines = [`${verdict}: ${sums}.`, moneyLine(told), ...faults]
  return { json: [JSON.stringify(told)], lines, exitCode: balanced ? 0 : 1 }
}

/** The operator's money. */
function moneyLine({ sold, upstream_credits: left, oversold }: Books): string {
  if (left === null || oversold === null) return `Sold: ${sold} credits; what is left at the upstream was never read.`
  const short = oversold === '0' ? '' : `: ${oversold} are oversold`
  return `Sold: ${sold} credits; left at the upstream: ${left}${short}.`
}
