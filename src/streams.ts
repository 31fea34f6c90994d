import { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import { type TSchema, Type } from 'typebox'
import { type Cell, csvLine } from './csv.ts'

/** Sends a table line by line, so that a large one is never held whole. */
export function csvReply(
  reply: FastifyReply,
  name: string,
  head: readonly string[],
  rows: AsyncIterable<readonly (readonly Cell[])[]>,
): FastifyReply {
  reply
    .type('text/csv; charset=utf-8')
    .header('vary', 'accept')
    .header('content-disposition', `attachment; filename="${name}.csv"`)
  return reply.send(Readable.from(lines(head, rows)))
}

/** Sends JSON text piece by piece. */
export function jsonReply(reply: FastifyReply, pieces: AsyncIterable<string>): FastifyReply {
  return reply.type('application/json; charset=utf-8').header('vary', 'accept').send(Readable.from(pieces))
}

async function* lines(head: readonly string[], rows: AsyncIterable<readonly (readonly Cell[])[]>) {
  yield csvLine(head)
  for await (const some of rows) yield some.map(csvLine).join('')
}

/** Reads page after page until there is none, or `most` rows were read. */
export async function* pages<Row>(
  read: (limit: number, last: Row | undefined) => Promise<readonly Row[]>,
  most = Number.POSITIVE_INFINITY,
): AsyncGenerator<readonly Row[]> {
  const each = 500
  let last: Row | undefined
  for (let left = most; left > 0; ) {
    const limit = Math.min(each, left)
    const rows = await read(limit, last)
    if (rows.length > 0) yield rows
    if (rows.length < limit) return
    last = rows.at(-1)
    left -= rows.length
  }
}

/** The answer of a report: JSON, or CSV to those who ask for it. */
export function orCsv<Schema extends TSchema>(schema: Schema) {
  return {
    200: {
      description: 'JSON, or CSV when the accept header prefers it.',
      content: { 'application/json': { schema }, 'text/csv': { schema: Type.String() } },
    },
  }
}
