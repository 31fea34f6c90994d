import { hash, randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'

export type KeyKind = 'live' | 'test' | 'admin'

const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const randomPlaces = 32
const checkPlaces = 6
const shape = /^tg_(live|test|admin)_[0-9A-Za-z]{38}$/

/** A new secret: its kind, 190 random bits, and a checksum that catches typing errors without a look-up. */
export function mintKey(kind: KeyKind): string {
  const text = `tg_${kind}_${randomText()}`
  return text + checksum(text)
}

/** The kind of a well-formed key, or undefined; only the checksum is looked at. */
export function kindOf(secret: string): KeyKind | undefined {
  const kind = shape.exec(secret)?.[1] as KeyKind | undefined
  return kind && checksum(secret.slice(0, -checkPlaces)) === secret.slice(-checkPlaces) ? kind : undefined
}

/** What is stored in place of the secret; SHA-256 suffices, since the secret is random and not a password. */
export function digestOf(secret: string): string {
  return hash('sha256', secret, 'hex')
}

/** The first 12 characters: enough to recognise a key, 28 characters short of using it. */
export function hintOf(secret: string): string {
  return secret.slice(0, 12)
}

// Bytes from 248 on are drawn again, so that every digit is equally likely.
function randomText(): string {
  let text = ''
  while (text.length < randomPlaces) {
    for (const byte of randomBytes(randomPlaces)) {
      if (byte < 248 && text.length < randomPlaces) text += digits[byte % 62]
    }
  }
  return text
}

function checksum(text: string): string {
  let rest = crc32(text)
  let places = ''
  for (let place = 0; place < checkPlaces; place++) {
    places = digits[rest % 62] + places
    rest = Math.floor(rest / 62)
  }
  return places
}
