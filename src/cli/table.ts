import { stripVTControlCharacters } from 'node:util'
import stringWidth from 'string-width'

export type Cell = string | number | boolean | null | undefined

export type Column<Row> = {
  readonly head: string
  readonly of: (row: Row) => Cell
  /** May be cut where the terminal is too narrow; ids may not, since they are copied. */
  readonly cut?: true
}

// Control characters, and marks that turn the reading order or hide themselves; none may reach a terminal.
const unprintable = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff]/gu

/** A text without its terminal markup, and with what cannot be shown as `\u001b`, which is the same in JSON. */
export function plain(text: string): string {
  return stripVTControlCharacters(text).replace(unprintable, escaped)
}

/** JSON text for a terminal: no byte of a value is taken away, only written as its escape. */
export function plainJson(text: string): string {
  return text.replace(unprintable, (mark) => (mark === '\n' ? mark : escaped(mark)))
}

function escaped(mark: string): string {
  return `\\u${mark.charCodeAt(0).toString(16).padStart(4, '0')}`
}

/** Lines of a table, page after page; `width` is the terminal's, and no bound elsewhere. */
export async function* table<Row>(
  columns: readonly Column<Row>[],
  pages: AsyncIterable<readonly Row[]> | Iterable<readonly Row[]>,
  width = Number.POSITIVE_INFINITY,
): AsyncGenerator<string> {
  let widths: readonly number[] | undefined
  for await (const rows of pages) {
    const cells = rows.map((row) => columns.map(({ of }) => of(row)))
    const first = widths === undefined
    if (first && rows.length === 0) continue
    const heads = columns.map(({ head }) => head)
    widths = fitted(widest([heads, ...cells], widths), columns, width)
    const isRight = columns.map((_, at) => cells.some((line) => typeof line[at] === 'number'))
    for (const line of first ? [heads, ...cells] : cells) yield lineOf(line, widths, isRight)
  }
  if (widths === undefined) yield 'There are none.'
}

/** Lines of `name  value` about one thing. */
export function facts(pairs: readonly (readonly [name: string, value: Cell])[]): string[] {
  const width = Math.max(...pairs.map(([name]) => name.length))
  return pairs.map(([name, value]) => `${name.padEnd(width)}  ${shown(value)}`)
}

function shown(cell: Cell): string {
  return plain(String(cell ?? '-')) || '-'
}

function widest(lines: readonly (readonly Cell[])[], before: readonly number[] = []): number[] {
  const [first = []] = lines
  return first.map((_, at) => Math.max(before[at] ?? 0, ...lines.map((line) => stringWidth(shown(line[at])))))
}

const gap = 2
const least = 8

/** Takes from the widest column that may be cut, until the line fits. */
function fitted<Row>(wanted: readonly number[], columns: readonly Column<Row>[], width: number): readonly number[] {
  const widths = [...wanted]
  const sum = () => widths.reduce((all, each) => all + each + gap, -gap)
  while (sum() > width) {
    const at = columns.reduce((best, { cut }, at) => (cut && (widths[at] ?? 0) > (widths[best] ?? 0) ? at : best), -1)
    if (at === -1 || (widths[at] ?? 0) <= least) return widths
    widths[at] = (widths[at] ?? 0) - 1
  }
  return widths
}

function lineOf(line: readonly Cell[], widths: readonly number[], isRight: readonly boolean[]): string {
  const cells = line.map((cell, at) => {
    const text = cutTo(shown(cell), widths[at] ?? 0)
    const space = ' '.repeat(Math.max(0, (widths[at] ?? 0) - stringWidth(text)))
    return isRight[at] ? space + text : text + space
  })
  return cells.join(' '.repeat(gap)).trimEnd()
}

const segmenter = new Intl.Segmenter()

function cutTo(text: string, width: number): string {
  if (stringWidth(text) <= width) return text
  let kept = ''
  for (const { segment } of segmenter.segment(text)) {
    if (stringWidth(kept + segment) > width - 1) break
    kept += segment
  }
  return `${kept}…`
}

/** A time of the API for people: `2026-11-22 14:03:11Z`. */
export function moment(time: string | null | undefined): string | null {
  return time ? `${time.slice(0, 10)} ${time.slice(11, 19)}Z` : null
}
