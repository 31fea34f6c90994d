import { InvalidArgumentError } from 'commander'
import { oneOf, rate, Unfit, wholeNumber } from '../config-readers.ts'
import { parseCredits } from '../credits.ts'
import { type IdKind, isId } from '../ids.ts'

// What an option or argument may be. Commander puts our sentence behind the name of the option and ends with 2.

function fitting<Value>(read: (text: string) => Value) {
  return (text: string): Value => {
    try {
      return read(text)
    } catch (error) {
      throw error instanceof Unfit ? new InvalidArgumentError(`It ${error.message}`) : error
    }
  }
}

export function wholeValue(least: number, most: number) {
  return fitting(wholeNumber(least, most))
}

export function idValue(kind: IdKind) {
  return fitting((text) => {
    if (isId(text, kind)) return text
    throw new Unfit(`must be an id such as ${kind}_01hq3w8kzp0000m4n5p6q7r8s9.`)
  })
}

export const creditsValue = fitting((text) => {
  const credits = /^-?\d{1,10}(\.\d{1,6})?$/.test(text) ? Number(text) : Number.NaN
  if (parseCredits(credits) !== undefined) return credits
  throw new Unfit('must be a number of credits with at most six decimals.')
})

/** `10/60s` as the API takes it. */
export const rateValue = fitting((text) => {
  const { calls, windowMs } = rate(text)
  if (windowMs % 1000 === 0) return { calls, window_seconds: windowMs / 1000 }
  throw new Unfit('must be calls per whole seconds, such as 10/60s.')
})

const rights = ['call', 'read', 'manage'] as const

export const rightsValue = fitting((text) => text.split(',').map((word) => oneOf(rights)(word.trim())))

const periods = ['day', 'month', 'total'] as const

/** `30/day` as the API takes it. */
export const quotaValue = fitting((text) => {
  const [amount = '', word = ''] = text.split('/')
  const period = periods.find((each) => each === word)
  const credits = /^\d{1,10}(\.\d{1,6})?$/.test(amount) ? Number(amount) : Number.NaN
  if (period && parseCredits(credits) !== undefined) return { credits, period }
  throw new Unfit('must be credits per day, month or total, such as 30/day.')
})

export const listValue = fitting((text) => {
  const words = text.split(',').map((word) => word.trim())
  if (words.every(Boolean)) return words
  throw new Unfit('must be a list with commas.')
})

/** `90s`, `15m`, `12h`, `7d` or bare seconds, in seconds. */
export const secondsValue = fitting((text) => {
  const [, count = '', unit = 's'] = /^(\d{1,8})([smhd])?$/.exec(text) ?? []
  if (count !== '') return Number(count) * (seconds[unit] ?? 1)
  throw new Unfit('must be a time such as 90s, 15m, 12h or 7d.')
})

const seconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 }
