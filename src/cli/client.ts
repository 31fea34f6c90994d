import createClient, { type Client } from 'openapi-fetch'
import type { paths } from '../api-types.ts'
import type { Access } from './access.ts'
import { Refusal } from './tool.ts'

export type Api = Client<paths, 'application/json'>

/** What the API answers to a GET of that path. */
export type Got<
  Path extends { [Each in keyof paths]: paths[Each] extends { get: object } ? Each : never }[keyof paths],
> = paths[Path] extends { get: { responses: { 200: { content: { 'application/json': infer Body } } } } } ? Body : never

/** The admin API of a gateway. Redirects are not followed, as the key would travel along. */
export function openApi({ url, key }: Access): Api {
  return createClient<paths, 'application/json'>({
    baseUrl: url,
    headers: { authorization: `Bearer ${key}` },
    redirect: 'manual',
  })
}

type Exchange<Body> = { readonly data?: Body; readonly error?: unknown; readonly response: Response }

/** What is said when a change went out and its connection was lost before anything came back. */
type Doubt = { readonly doubt?: string }

/**
 * The body of a good answer. Throws Refusal with the sentence of the problem and a line for each of its errors, or with
 * what went wrong on the way.
 */
export async function answered<Body>(send: () => Promise<Exchange<Body>>, { doubt }: Doubt = {}) {
  const { data, error, response } = await exchanged(send, doubt)
  if (!response.ok) throw refusalOf(response, error)
  if (data === undefined || data === null) throw foreign(response)
  return data
}

/** The same for what is safe to send twice: it is, when the connection is lost before the answer came. */
export async function answeredSurely<Body>(send: () => Promise<Exchange<Body>>, about: Doubt = {}) {
  const again = () => send().catch((error: unknown) => (wasLost(error) ? send() : Promise.reject(error)))
  return answered(again, about)
}

/** The same for what answers nothing. */
export async function done(send: () => Promise<Exchange<unknown>>): Promise<void> {
  const { error, response } = await exchanged(send, inDoubt)
  if (response.status !== 204) throw response.ok ? foreign(response) : refusalOf(response, error)
}

/** For changes that are no longer the same when they are sent twice. */
export const inDoubt = 'The change may have been made; look before you repeat it.'

async function exchanged<Body>(send: () => Promise<Exchange<Body>>, doubt: string | undefined) {
  try {
    return await send()
  } catch (error) {
    if (error instanceof SyntaxError) throw new Refusal(`What answered is no Tollgate; ${whereItIs}`)
    const code = codeOf(error)
    if (code === undefined) throw error
    if (wasLost(error)) throw new Refusal(['The connection was lost.', doubt ?? ''].filter(Boolean).join(' '))
    throw new Refusal(`The gateway cannot be reached (${code}); ${whereItIs}`)
  }
}

const whereItIs = 'TOLLGATE_URL says where it is.'

/** The word for what broke; fetch hides it in causes, and in lists of them where a name has several addresses. */
function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  if ('code' in error && typeof error.code === 'string') return error.code
  const inner = error instanceof AggregateError ? error.errors.map(codeOf).find(Boolean) : codeOf(error.cause)
  return inner ?? (error instanceof TypeError && error.cause instanceof Error ? error.cause.message : undefined)
}

function wasLost(error: unknown): boolean {
  return ['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET', 'UND_ERR_BODY_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT'].includes(
    codeOf(error) ?? '',
  )
}

function refusalOf(response: Response, problem: unknown): Refusal {
  if (typeof problem !== 'object' || problem === null || !('detail' in problem)) return foreign(response)
  const errors = 'errors' in problem && Array.isArray(problem.errors) ? problem.errors : []
  return new Refusal([problem.detail, ...errors].map((line) => String(line).replaceAll('\n', ' ')).join('\n'))
}

function foreign({ status }: Response): Refusal {
  return new Refusal(`What answered (status ${status}) is no Tollgate; ${whereItIs}`)
}
