import { type Agent, request } from 'undici'

export const corePath = '/sd/v2beta/stable-image/generate/core'

export type Reply = {
  readonly status: number
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: Buffer
  /** The body read as JSON; throws when it is none. */
  json(): Record<string, unknown>
}

export type CallOptions = {
  readonly accept?: string
  readonly headers?: Readonly<Record<string, string>>
  /** The whole body in place of the fields, with its boundary. */
  readonly raw?: { readonly bytes: Buffer; readonly boundary: string }
  readonly signal?: AbortSignal
  readonly path?: string
}

export type Client = ReturnType<typeof openClient>

/** An honest client of a house. */
export function openClient(origin: string, agent: Agent) {
  async function send(
    method: string,
    path: string,
    headers: Record<string, string>,
    body?: Buffer | string,
    signal?: AbortSignal,
  ) {
    const answer = await request(origin + path, { method, headers, body: body ?? null, dispatcher: agent, signal })
    return replyOf(answer.statusCode, answer.headers, Buffer.from(await answer.body.arrayBuffer()))
  }

  /** A paid call with text fields. */
  function call(secret: string, fields: Readonly<Record<string, string>>, options: CallOptions = {}): Promise<Reply> {
    const { accept = 'image/*', headers = {}, raw, signal, path = corePath } = options
    const { bytes, boundary } = raw ?? { bytes: formOf(fields), boundary: usualBoundary }
    const type = `multipart/form-data; boundary=${boundary}`
    return send(
      'POST',
      path,
      { authorization: `Bearer ${secret}`, accept, 'content-type': type, ...headers },
      bytes,
      signal,
    )
  }

  function json(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Reply> {
    if (body === undefined) return send(method, path, headers)
    return send(method, path, { 'content-type': 'application/json', ...headers }, JSON.stringify(body))
  }

  return { send, call, json }
}

function replyOf(status: number, headers: Record<string, string | string[] | undefined>, body: Buffer): Reply {
  const single = Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value])
  return {
    status,
    headers: Object.fromEntries(single),
    body,
    json: () => JSON.parse(body.toString('utf8')) as Record<string, unknown>,
  }
}

export const usualBoundary = 'a-usual-boundary'

/** A multipart form of text parts. */
export function formOf(fields: Readonly<Record<string, string>>): Buffer {
  const parts = Object.entries(fields).map(
    ([name, value]) => `--${usualBoundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
  )
  return Buffer.from(`${parts.join('')}--${usualBoundary}--\r\n`)
}
