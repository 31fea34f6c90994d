declare const unit: unique symbol

/** Credits as a whole number of millionths, at most 9,000,000,000 credits, so every sum of an account is a safe integer. */
export type Credits = number & { readonly [unit]: 'millionths of a credit' }

const perCredit = 1_000_000
const most = 9_000_000_000 * perCredit

export const noCredits = 0 as Credits
export const mostCredits = most as Credits

/** Brands a whole number of millionths; throws RangeError on anything else. */
export function millionths(count: number): Credits {
  if (!Number.isSafeInteger(count) || Math.abs(count) > most) throw new RangeError(`not an amount of credits: ${count}`)
  return count as Credits
}

/**
 * Reads the JSON number of an amount by its decimal digits, so that 0.1 is exactly 100,000 millionths.
 * Answers undefined for more than six decimals, for what is not finite, and for more than an account may own.
 */
export function parseCredits(amount: number): Credits | undefined {
  // What is below a millionth, or too large, prints with an exponent and does not match.
  const digits = /^(-?)(\d+)(?:\.(\d{1,6}))?$/.exec(String(amount))
  if (!digits) return undefined
  const count = Number(digits[2]) * perCredit + Number((digits[3] ?? '').padEnd(6, '0'))
  return count <= most ? ((digits[1] ? -count : count) as Credits) : undefined
}

/** The shortest decimal of an amount: `3`, `6.5`, `-0.000001`. */
export function formatCredits(amount: Credits): string {
  const size = Math.abs(amount)
  const fraction = String(size % perCredit)
    .padStart(6, '0')
    .replace(/0+$/, '')
  return `${amount < 0 ? '-' : ''}${Math.floor(size / perCredit)}${fraction && `.${fraction}`}`
}

/** The JSON number of an amount; a double holds six decimals exactly up to four billion credits. */
export function jsonCredits(amount: Credits): number {
  return Number(formatCredits(amount))
}

/** The shortest decimal of a sum that may be beyond any one account. */
export function formatSum(sum: bigint): string {
  const size = sum < 0n ? -sum : sum
  const unit = BigInt(perCredit)
  const fraction = String(size % unit)
    .padStart(6, '0')
    .replace(/0+$/, '')
  return `${sum < 0n ? '-' : ''}${size / unit}${fraction && `.${fraction}`}`
}
