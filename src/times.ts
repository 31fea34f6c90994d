export const dayMs = 86_400_000

const shape = /^(\d{4})-(\d\d)-(\d\d)(?:[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d\d):(\d\d)))?$/

/** RFC 3339 in UTC with milliseconds. */
export function formatTime(ms: number): string {
  return new Date(ms).toISOString()
}

export function formatTimeOrNull(ms: number | null): string | null {
  return ms === null ? null : formatTime(ms)
}

/** Reads an RFC 3339 time with any offset, or a date as its UTC midnight; undefined for days that never were. */
export function parseTime(text: string): number | undefined {
  const [whole, year, month, day, hour = '0', minute = '0', second = '0', fraction = '', sign, ...offset] =
    shape.exec(text) ?? []
  if (whole === undefined) return undefined
  const numbers = [Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second)] as const
  const date = new Date(Date.UTC(...numbers))
  date.setUTCFullYear(numbers[0])
  const read = [date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate(), date.getUTCHours(), date.getUTCMinutes()]
  if (read.some((part, index) => part !== numbers[index]) || date.getUTCSeconds() !== numbers[5]) return undefined
  const [hours = 0, minutes = 0] = offset.map((part) => Number(part ?? 0))
  if (hours > 23 || minutes > 59) return undefined
  const offsetMs = (hours * 60 + minutes) * 60_000 * (sign === '-' ? -1 : 1)
  return date.getTime() + Number(fraction.slice(0, 3).padEnd(3, '0')) - offsetMs
}

/** First moments in UTC of a month such as `2026-11` and of the one after it. */
export function monthOf(text: string): { readonly startMs: number; readonly endMs: number } {
  const [year = 0, month = 0] = text.split('-').map(Number)
  return { startMs: Date.UTC(year, month - 1), endMs: Date.UTC(year, month) }
}

/** The UTC day of a moment as a number such as 20261122; dividing by 100 gives its month. */
export function dayOf(ms: number): number {
  const date = new Date(ms)
  return date.getUTCFullYear() * 10_000 + (date.getUTCMonth() + 1) * 100 + date.getUTCDate()
}

/** The first moment of a day such as 20261122. */
export function msOfDay(day: number): number {
  return Date.UTC(Math.floor(day / 10_000), (Math.floor(day / 100) % 100) - 1, day % 100)
}

/** `2026-11-22` for 20261122. */
export function dayText(day: number): string {
  const digits = String(day).padStart(8, '0')
  return `${digits.slice(0, 4)}-${digits.slice(4, 6)}-${digits.slice(6)}`
}
