import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'

export const corePath = '/v2beta/stable-image/generate/core'

/** How the bytes of each format begin, in hex. */
export const magic = { png: /^89504e470d0a1a0a/, jpeg: /^ffd8ff/, webp: /^52494646.{8}57454250/ }

export type Fields = Record<string, string>

export function formOf(fields: Fields): FormData {
  const form = new FormData()
  for (const [name, value] of Object.entries(fields)) form.append(name, value)
  return form
}

export function post(origin: string, body: FormData | string, headers: Fields = {}): Promise<Response> {
  return fetch(origin + corePath, { method: 'POST', body, headers: { authorization: 'Bearer sk-good', ...headers } })
}

export async function bytesOf(answer: Response): Promise<Buffer> {
  return Buffer.from(await answer.arrayBuffer())
}

/** The error answer, which has the vendor's shape and nothing else. */
export async function refusalOf(answer: Response) {
  assert.equal(answer.headers.get('content-type'), 'application/json; charset=utf-8')
  const refusal: { id: string; name: string; errors: string[] } = JSON.parse(await answer.text())
  assert.deepEqual(Object.keys(refusal), ['id', 'name', 'errors'])
  return { status: answer.status, ...refusal }
}

/** Runs a script in a process of its own; a code of null means that it never ended by itself. */
export async function runAlone(script: string) {
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { timeout: 60_000 })
  const said: Buffer[] = []
  for (const pipe of [child.stdout, child.stderr]) pipe.on('data', (chunk) => said.push(chunk))
  const [code] = await once(child, 'close')
  return { code, said: Buffer.concat(said).toString() }
}
