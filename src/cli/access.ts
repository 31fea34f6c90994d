import { readFileSync } from 'node:fs'
import type { Environment } from '../config.ts'
import { readNamedFile, secretText, Unfit } from '../config-readers.ts'
import { Refusal } from './tool.ts'

/** Where the gateway is, and the operator key that opens its admin API. */
export type Access = { readonly url: string; readonly key: string }

/** Whether these settings name an operator key at all. */
export function namesKey(env: Environment): boolean {
  return Boolean(env['TOLLGATE_ADMIN_KEY'] || env['TOLLGATE_ADMIN_KEY_FILE'])
}

/** Reads both settings. Throws Refusal with exit code 78 and one line for each fault, none with any part of a value. */
export function accessOf(env: Environment): Access {
  const faults: string[] = []
  const url = fitting('TOLLGATE_URL', () => addressIn(env['TOLLGATE_URL'] || 'http://127.0.0.1:8080'), faults)
  const source = env['TOLLGATE_ADMIN_KEY_FILE'] ? 'TOLLGATE_ADMIN_KEY_FILE' : 'TOLLGATE_ADMIN_KEY'
  const key = fitting(source, () => keyIn(env), faults)
  if (url === undefined || key === undefined) throw new Refusal(faults.join('\n'), 78)
  return { url, key }
}

function fitting(name: string, read: () => string, faults: string[]): string | undefined {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof Unfit)) throw error
    faults.push(`${name}: ${error.message}`)
    return undefined
  }
}

/** The path has no slash at its end, so that the paths of the API can be put behind it. */
function addressIn(text: string): string {
  const url = /^[\x21-\x7e]+$/.test(text) && URL.canParse(text) ? new URL(text) : undefined
  if (!url || !['http:', 'https:'].includes(url.protocol))
    throw new Unfit('must be a URL such as http://127.0.0.1:8080.')
  if (url.username || url.password) throw new Unfit('must not hold user info; the key goes into TOLLGATE_ADMIN_KEY.')
  if (/[?#]/.test(text)) throw new Unfit('must have neither query nor fragment.')
  return url.origin + url.pathname.replace(/\/+$/, '')
}

function keyIn({ TOLLGATE_ADMIN_KEY: text, TOLLGATE_ADMIN_KEY_FILE: file }: Environment): string {
  if (file && text) throw new Unfit('must not be given together with TOLLGATE_ADMIN_KEY.')
  const key = file ? readNamedFile(file, (path) => readFileSync(path, 'utf8')).replace(/\r?\n$/, '') : text
  if (key) return secretText(1)(key)
  throw new Unfit(
    file ? 'names an empty file.' : 'must hold the key of an operator; the first start of the gateway shows one.',
  )
}
