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
  const digits = /^(-?)(\d+)(?:\.(\d{1,6}))?$/.exec(plain(amount))
  if (!digits) return undefined
  const count = Number(digits[2]) * perCredit + Number((digits[3] ?? '').padEnd(6, '0'))
  return count <= most ? ((digits[1] ? -count : count) as Credits) : undefined
}

// JSON numbers below a millionth print with an exponent; those that matter to us do so only between 1e-6 and 1e-7.
function plain(amount: number): string {
  const text = String(amount)
  return text.includes('e-') ? amount.toFixed(7).replace(/0$/, '') : text
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
