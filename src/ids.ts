import { randomFillSync } from 'node:crypto'

export type IdKind = 'acc' | 'key' | 'call' | 'ent' | 'op' | 'aud' | 'rep' | 'wh' | 'msg'

// Crockford's base 32 in lower case: no i, l, o, u, and its order is the order of the digits.
const digits = '0123456789abcdefghjkmnpqrstvwxyz'
const pool = Buffer.allocUnsafe(4096)
let drawn = pool.length

function random16(): number {
  if (drawn === pool.length) {
    randomFillSync(pool)
    drawn = 0
  }
  drawn += 2
  return pool.readUInt16LE(drawn - 2)
}

let stampMs = 0
let stamp = ''
let serial = 0

function timed(nowMs: number): void {
  // A clock that steps back must not unsort ids, so the stamp only grows.
  if (nowMs > stampMs) {
    stampMs = nowMs
    serial = random16() & 0x3fff
    stamp = stampOf(nowMs)
  } else if (++serial >= 32 ** 4) {
    timed(stampMs + 1)
  }
}

function stampOf(ms: number): string {
  let text = ''
  for (let rest = Math.floor(ms), place = 0; place < 10; place++, rest = Math.floor(rest / 32))
    text = digits[rest % 32] + text
  return text
}

const pairs = Array.from({ length: 1024 }, (_, value) => `${digits[value >>> 5]}${digits[value & 31]}`)

/** Four digits of 20 bits. */
function base32(value: number): string {
  return `${pairs[value >>> 10]}${pairs[value & 1023]}`
}

/** Two digits of 10 random bits. */
function drawnPair(): string {
  return pairs[random16() & 1023] ?? ''
}

/**
 * A new id such as `call_0k3c2n...`: its kind, 50 bits of milliseconds, a serial that keeps ids of one process in
 * order within a millisecond, and 60 random bits, so that ids sort by time and cannot be guessed.
 */
export function newId(kind: IdKind): string {
  timed(Date.now())
  const drawn = `${drawnPair()}${drawnPair()}${drawnPair()}${drawnPair()}${drawnPair()}${drawnPair()}`
  return `${kind}_${stamp}${base32(serial)}${drawn}`
}

/** No id of that kind made from this moment on sorts before this text, and none made earlier after it. */
export function idAt(kind: IdKind, ms: number): string {
  return `${kind}_${stampOf(Math.max(0, ms))}`
}

const shape = /^[a-z]{2,5}_[0-9a-hjkmnp-tv-z]{26}$/

/** Whether a text can be an id of that kind at all; saves a look-up for what cannot. */
export function isId(text: string, kind: IdKind): boolean {
  return text.startsWith(`${kind}_`) && shape.test(text)
}
