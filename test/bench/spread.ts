/** A figure over several rounds. */
export type Spread = { readonly median: number; readonly min: number; readonly max: number }

/** Leaves out what is no number; all NaN when nothing is left. */
export function spreadOf(all: readonly number[]): Spread {
  const sorted = all.filter(Number.isFinite).toSorted((one, other) => one - other)
  const middle = (sorted.length - 1) / 2
  const median = ((sorted[Math.floor(middle)] ?? Number.NaN) + (sorted[Math.ceil(middle)] ?? Number.NaN)) / 2
  return { median, min: sorted[0] ?? Number.NaN, max: sorted.at(-1) ?? Number.NaN }
}

/** `1.23 (1.10..1.31)`; a dash when there is nothing. */
export function spreadText({ median, min, max }: Spread, digits: number): string {
  if (Number.isNaN(median)) return '-'
  return `${median.toFixed(digits)} (${min.toFixed(digits)}..${max.toFixed(digits)})`
}

/** A table in Markdown whose columns stand below each other. */
export function tableText(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((cell, column) => Math.max(cell.length, ...rows.map((row) => row[column]?.length ?? 0)))
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`
  const rule = `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`
  return [line(head), rule, ...rows.map(line)].join('\n')
}
