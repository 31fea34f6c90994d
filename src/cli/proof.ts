import { formatCredits, millionths } from '../credits.ts'
import { type Books, books } from '../ledger/statement.ts'
import { openToRead, readingStore, refusalOf } from '../store/sqlite-reading.ts'
import { Refusal } from './tool.ts'

/** Recomputes the books of a ledger's file, whoever serves it. Throws StoreRefusal. */
export async function booksOfFile(path: string): Promise<Books> {
  const ledger = openToRead(path)
  try {
    return await books(readingStore(ledger))
  } catch (error) {
    throw refusalOf(error, path)
  } finally {
    ledger.close()
  }
}

/** Throws Refusal with that exit code when the books of the file do not balance. */
export async function proveFile(path: string, exitCode: number): Promise<Books> {
  const proof = await booksOfFile(path)
  if (!proof.balanced) {
    throw new Refusal(`The books of ${path} do not balance:\n${proof.faults.join('\n')}`, exitCode)
  }
  return proof
}

/** The books as the admin API tells them, but for the upstream's part, which is not in the ledger. */
export function booksData({ balanced, imbalance, accounts, posted, held, openHolds, faults }: Books) {
  return {
    balanced,
    imbalance: decimal(imbalance),
    accounts,
    posted: decimal(posted),
    held: decimal(held),
    open_holds: openHolds,
    faults,
  }
}

/** One line about books that balance, or one for each fault. */
export function booksLines(proof: Books): string[] {
  const { balanced, imbalance, accounts, posted, held, openHolds, faults } = proof
  const sums = `${accounts} accounts, ${decimal(posted)} credits posted, ${decimal(held)} held by ${openHolds} calls`
  if (balanced) return [`The books balance: ${sums}.`]
  return [`The books do not balance by ${decimal(imbalance)} credits: ${sums}.`, ...faults]
}

// The sum over all accounts may outgrow what one may have.
const perCredit = 1_000_000n

function decimal(amount: bigint): string {
  const whole = amount / perCredit
  const fraction = formatCredits(millionths(Number(amount % perCredit))).replace(/^0/, '')
  return `${whole}${fraction}`
}
