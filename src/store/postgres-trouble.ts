import { StoreUnavailable, type Trouble } from '../errors.ts'
import { CommandRefused } from './postgres-wire.ts'

// https://www.postgresql.org/docs/current/errcodes-appendix.html
const troubles: Readonly<Record<string, Trouble>> = {
  '25006': 'readonly',
  '40001': 'busy',
  '40P01': 'busy',
  '53100': 'full',
  '55P03': 'busy',
  '57014': 'busy',
  XX001: 'corrupt',
  XX002: 'corrupt',
}
const troublesOfClasses: Readonly<Record<string, Trouble>> = { '08': 'gone', '53': 'busy', '57': 'gone', '58': 'io' }

/** The five characters of SQLSTATE behind an error, or undefined when it did not come from the server. */
export function stateOf(error: unknown): string | undefined {
  const { code, cause } = error as { code?: unknown; cause?: unknown }
  // The system's own codes, such as EPIPE, all begin with an E, and no class of SQLSTATE does.
  if (typeof code === 'string' && /^(?!E)[0-9A-Z]{5}$/.test(code)) return code
  return error instanceof CommandRefused || error instanceof StoreUnavailable ? stateOf(cause) : undefined
}

/** What kept the database from doing it, or undefined when the command itself was wrong. */
function troubleOf(error: unknown): Trouble | undefined {
  const state = stateOf(error)
  // What did not come from the server came from the way there.
  if (state === undefined) return 'gone'
  return troubles[state] ?? troublesOfClasses[state.slice(0, 2)]
}

/** The error as rooms know it. */
export function told(error: unknown): unknown {
  if (error instanceof StoreUnavailable) return error
  const trouble = troubleOf(error)
  return trouble ? new StoreUnavailable(trouble, error) : error
}

const tries = 3

/** Runs a transaction, and at most three times more when it got in another one's way and was undone for that. */
export async function again<Answer>(transaction: () => Promise<Answer>): Promise<Answer> {
  for (let left = tries; ; left--) {
    try {
      return await transaction()
    } catch (error) {
      if (left === 0 || !['40001', '40P01'].includes(stateOf(error) ?? '')) throw error
      // Without chance in it the two would meet again.
      await new Promise((wake) => setTimeout(wake, 5 + Math.random() * 20))
    }
  }
}

/** Somebody keeps a row locked for longer than we wait. */
export function isLocked(error: unknown): boolean {
  return stateOf(error) === '55P03'
}

/** The command is right, but some row it would write may not be. */
export function isOfData(error: unknown): boolean {
  return /^2[23]/.test(stateOf(error) ?? '')
}

/** After these a connection is not used again: it is broken, or leads to a server that cannot write any more. */
export function endsConnection(error: unknown): boolean {
  const trouble = troubleOf(error)
  return trouble === 'gone' || trouble === 'readonly' || trouble === 'io' || trouble === 'corrupt'
}
