export type Cell = string | number | boolean | null

// Spreadsheets run what begins like this as a formula (OWASP, CSV injection).
const formula = /^[=+\-@\t\r]/

/** One line after RFC 4180. Text that begins like a formula gets an apostrophe in front; numbers are left as they are. */
export function csvLine(cells: readonly Cell[]): string {
  return `${cells.map(csvCell).join(',')}\r\n`
}

function csvCell(cell: Cell): string {
  if (typeof cell !== 'string') return cell === null ? '' : String(cell)
  const safe = formula.test(cell) ? `'${cell}` : cell
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

/** Whether an accept header prefers CSV to JSON (RFC 9110 section 12.5.1); JSON when it does not say. */
export function wantsCsv(accept: string | undefined): boolean {
  const ranges = (accept ?? '').split(',').map((range) => {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase())
    const weight = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2)
    return { type, weight: weight === undefined ? 1 : Number(weight) || 0 }
  })
  const best = (...types: readonly string[]) =>
    Math.max(0, ...ranges.flatMap(({ type, weight }) => (types.includes(type) ? [weight] : [])))
  const csv = best('text/csv', 'text/*')
  const json = best('application/json', 'application/*')
  if (csv !== json) return csv > json
  const first = ranges.find(({ type }) => /^(text\/(csv|\*)|application\/(json|\*))$/.test(type))
  return csv > 0 && first?.type.startsWith('text/') === true
}
