import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Command } from 'commander'
import type { Environment } from '../config.ts'
import { accessOf } from './access.ts'
import { type Api, openApi } from './client.ts'
import type { Page } from './pages.ts'
import { type Column, plain, plainJson, table } from './table.ts'
import { Refusal, sentencesOf, withEnvFile } from './tool.ts'

type Texts = Iterable<string> | AsyncIterable<string>

/** What a command has to say, made only as far as it is printed. */
export type Telling = {
  /** For people. */
  readonly lines?: Texts
  /** For programs: JSON text in pieces. */
  readonly json?: Texts
  /** A file, as it came; in place of both. */
  readonly file?: Texts
  /** For people too, but beside what a script reads. */
  readonly hints?: readonly string[]
  readonly exitCode?: number
}

export type Wish = { readonly json?: true }

/** Adds a command with `--json`, which every command has. */
export function verb(noun: Command, usage: string, about: string): Command {
  return noun.command(usage).description(about).option('--json', 'tell it as JSON')
}

/** One thing: as JSON, and in lines. */
export function one(value: unknown, lines: Texts, hints: readonly string[] = []): Telling {
  return { json: [JSON.stringify(value)], lines, hints }
}

/** A list: JSON in the envelope of the API, or a table as wide as the terminal. */
export function many<Row>(pages: AsyncIterable<Page<Row>>, columns: readonly Column<Row>[]): Telling {
  return {
    json: envelope(pages),
    lines: table(columns, rowsOf(pages), process.stdout.isTTY ? process.stdout.columns : undefined),
  }
}

async function* envelope<Row>(pages: AsyncIterable<Page<Row>>): AsyncGenerator<string> {
  let next: string | null = null
  let separator = '{"data":['
  for await (const { data, next_cursor } of counted(pages)) {
    next = next_cursor
    for (const row of data) {
      yield separator + JSON.stringify(row)
      separator = ','
    }
  }
  yield `${separator === ',' ? '' : separator}],"next_cursor":${JSON.stringify(next)}}`
}

async function* rowsOf<Row>(pages: AsyncIterable<Page<Row>>): AsyncGenerator<readonly Row[]> {
  let next: string | null = null
  for await (const { data, next_cursor } of counted(pages)) {
    yield data
    next = next_cursor
  }
  if (next !== null) process.stderr.write('There are more; --all tells them all.\n')
}

/** Says how far a long list is, where somebody watches and the rows go elsewhere. */
async function* counted<Row>(pages: AsyncIterable<Page<Row>>): AsyncGenerator<Page<Row>> {
  const isWatched = process.stderr.isTTY && !process.stdout.isTTY
  let rows = 0
  for await (const page of pages) {
    yield page
    rows += page.data.length
    if (isWatched && page.next_cursor !== null) process.stderr.write(`\r\x1b[K${rows} rows`)
  }
  if (isWatched) process.stderr.write('\r\x1b[K')
}

/** Asks the gateway and prints what comes of it; whatever goes wrong ends as sentences on stderr and an exit code. */
export async function tell(env: Environment, { json }: Wish, ask: (api: Api) => Promise<Telling>): Promise<void> {
  try {
    const { file, hints = [], exitCode = 0, ...told } = await ask(openApi(accessOf(withEnvFile(env))))
    const texts = file ? shownFile(file) : json ? shownJson(told.json ?? []) : shownLines(told.lines ?? [])
    await pipeline(Readable.from(texts), process.stdout, { end: false })
    if (!json) for (const hint of hints) process.stderr.write(`${hint}\n`)
    process.exitCode = exitCode
  } catch (error) {
    process.exitCode = failed(error)
  }
}

function failed(error: unknown): number {
  // Whoever reads our output has seen enough.
  if (error instanceof Error && 'code' in error && error.code === 'EPIPE') return 0
  const sentences = sentencesOf(error).flatMap((each) => each.split('\n'))
  process.stderr.write(sentences.map((sentence) => `${plain(sentence)}\n`).join(''))
  return error instanceof Refusal ? error.exitCode : 70
}

async function* shownLines(lines: Texts): AsyncGenerator<string> {
  for await (const line of lines) yield `${plain(line)}\n`
}

async function* shownJson(pieces: Texts): AsyncGenerator<string> {
  for await (const piece of pieces) yield plainJson(piece)
  yield '\n'
}

async function* shownFile(pieces: Texts): AsyncGenerator<string> {
  for await (const piece of pieces) yield process.stdout.isTTY ? piece.split('\r\n').map(plain).join('\r\n') : piece
}

/** What the API streams, passed on as it comes: a file, or its own JSON. */
export function fileOf(stream: AsyncIterable<Uint8Array>, isFile: true | undefined): Telling {
  const texts = decoded(stream)
  return isFile ? { file: texts } : { json: texts }
}

async function* decoded(stream: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  for await (const bytes of stream) yield decoder.decode(bytes, { stream: true })
  yield decoder.decode()
}
