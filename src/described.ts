import { STATUS_CODES } from 'node:http'
import { Problem, type ProblemName } from './errors.ts'

/** A piece of an OpenAPI document. */
export type Described = Readonly<Record<string, unknown>>

/** What a signed-in browser sends in place of a key. */
export const signedIn: Described = { session: [], csrf: [] }

/** The id that stands in every example. */
export const exampleCallId = 'call_01hq3w8kzp0000m4n5p6q7r8s9'

/** The part of a route's schema that tells what it may refuse beyond what every route of its door refuses. */
export function mayRefuse(...problems: readonly ProblemName[]) {
  return { problems }
}

/** A refusal as an example: its code, and where needed the status or the numbers that replace the usual ones. */
export type Refused = ProblemName | Problem

type Dialect = {
  readonly mediaType: string
  readonly schema: Described
  readonly body: (problem: Problem) => unknown
  readonly headers: Described
}

/** What a route may refuse, by status, with an example of each body made by the code that makes the real ones. */
export function refusals(refused: readonly Refused[], { mediaType, schema, body, headers }: Dialect): Described {
  const problems = refused.map((each) => (each instanceof Problem ? each : new Problem(each)))
  const byStatus = Map.groupBy(problems, ({ status }) => status)
  const responses = [...byStatus].map(([status, those]) => {
    const examples = Object.fromEntries(
      those.map((problem) => [problem.code, { summary: problem.message, value: body(problem) }]),
    )
    const waits = those.some(({ retryAfterSeconds }) => retryAfterSeconds !== undefined)
    return [
      String(status),
      {
        description: STATUS_CODES[status] ?? 'Refused',
        headers: waits ? { ...headers, 'retry-after': headerRef('retry-after') } : headers,
        content: { [mediaType]: { schema, examples } },
      },
    ]
  })
  return Object.fromEntries(responses)
}

export function headerRef(name: string): Described {
  return { $ref: `#/components/headers/${name}` }
}

const header = (type: 'string' | 'integer', description: string, example: string | number) => ({
  description,
  schema: { type },
  example,
})

/** The reply headers that mean the same wherever they appear. */
export const headersTold: Readonly<Record<string, Described>> = {
  'x-request-id': header('string', 'The id of this call, for questions about it.', exampleCallId),
  'retry-after': header('integer', 'Whole seconds to wait, at least 1.', 12),
  'x-credits-charged': header('string', 'What was charged; 0 on failure. Final: money has moved already.', '3'),
  'x-credits-price': header('string', 'The most the call could cost.', '3'),
  'x-credits-available': header('string', 'What the account can still spend.', '97'),
  'x-tollgate-mode': header('string', '`test` when the sandbox answered.', 'test'),
  'ratelimit-limit': header('integer', 'Calls in any one window.', 60),
  'ratelimit-remaining': header('integer', 'Calls left in the present window.', 59),
  'ratelimit-reset': header('integer', 'Seconds until the window ends.', 42),
  'idempotent-replayed': header('string', '`true` when this is the answer of an earlier call.', 'true'),
  'finish-reason': header('string', '`SUCCESS` or `CONTENT_FILTERED`; with pictures only.', 'SUCCESS'),
  seed: header('string', 'The seed the picture was made with.', '7'),
  etag: header('string', 'The version; send it back in `if-match` with a change.', '"1"'),
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The whole operation, for a route without a schema. */
    operation?: Described
  }
}
