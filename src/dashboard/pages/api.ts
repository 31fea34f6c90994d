import createClient from 'openapi-fetch'
import type { paths } from '../../api-types.ts'
import { Refused, refusedBy, unreached } from './refused.ts'

const csrf = { word: '' }

/** Every request from here on shows that it comes from this page. */
export function signedWith(word: string): void {
  csrf.word = word
}

/** What a request needs beside the cookie. */
export function proof(): Record<string, string> {
  return csrf.word === '' ? {} : { 'x-tollgate-csrf': csrf.word }
}

/** The admin and portal API of the house this page came from. */
export const api = createClient<paths, 'application/json'>({ baseUrl: location.origin, redirect: 'error' })
api.use({
  onRequest({ request }) {
    for (const [name, value] of Object.entries(proof())) request.headers.set(name, value)
    return request
  },
})

type Exchange<Body> = { readonly data?: Body; readonly error?: unknown; readonly response: Response }

/** The body of a good answer. Throws Refused. */
export async function got<Body>(asked: Promise<Exchange<Body>>): Promise<NonNullable<Body>> {
  const { data, response } = await exchanged(asked)
  if (data === undefined || data === null) throw new Refused({ status: response.status, detail: '' })
  return data
}

/** The same with the version it has, for `If-Match`. */
export async function gotTagged<Body>(asked: Promise<Exchange<Body>>) {
  const { response } = await exchanged(asked)
  return { body: await got(asked), tag: response.headers.get('etag') ?? '*' }
}

/** For what answers nothing. Throws Refused. */
export async function done(asked: Promise<Exchange<unknown>>): Promise<void> {
  await exchanged(asked)
}

async function exchanged<Body>(asked: Promise<Exchange<Body>>): Promise<Exchange<Body>> {
  const exchange = await asked.catch(unreached)
  if (exchange.response.ok) return exchange
  throw refusedBy(exchange.response.status, exchange.error)
}

type GetPath = { [Each in keyof paths]: paths[Each] extends { get: object } ? Each : never }[keyof paths]

/** What the API answers to a GET of that path. */
export type Got<Path extends GetPath> = paths[Path] extends {
  get: { responses: { 200: { content: { 'application/json': infer Body } } } }
}
  ? Body
  : never

/** One row of a list of that path. */
export type RowOf<Path extends GetPath> = Got<Path> extends { data: (infer Row)[] } ? Row : never
