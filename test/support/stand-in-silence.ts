import { failure, head, made, measured, type Row, success, unmade } from './stand-in-answer.ts'
import type { Line } from './stand-in-line.ts'

/** What the other side gets before anything was read, and before TLS: no request is needed for these. */
export const acceptModes = {
  'reset-on-accept'(line) {
    line.hearing = 'note'
    // At once, it would now and then be the connecting itself that fails.
    line.later(resetAfterMs, line.reset)
  },
  'fin-on-accept'(line) {
    line.hearing = 'note'
    line.hangUp()
  },
  'garbage-on-accept'(line) {
    line.hearing = 'note'
    line.say('SSH-2.0-neither-HTTP-nor-TLS\r\n')
    line.hangUp()
  },
  'hang-on-accept': (line) => line.freeze(),
  'tls-alert'(line) {
    line.hearing = 'note'
    line.say(handshakeFailure)
    line.hangUp()
  },
} satisfies Record<string, (line: Line) => void>

// A fatal alert record (RFC 8446, section 6).
const handshakeFailure = Buffer.from([0x15, 3, 3, 0, 2, 2, 40])
const resetAfterMs = 10
const floodEveryMs = 20
const laterMs = 50

/** No answer, half of one, or something that is not yet one. */
export const silenceModes = {
  never: unmade(() => {}),
  'never-billed': made(() => {}),
  'reset-before-headers': unmade((line) => line.reset()),
  'reset-before-headers-billed': made((line) => line.reset()),
  'fin-before-headers': unmade((line) => line.hangUp()),
  'reset-on-headers': early(unmade((line) => line.reset())),
  'hang-on-headers': early(unmade((line) => line.freeze())),
  'early-413': early(
    unmade((line) => {
      line.say(measured(closing(failure(413, 'payload_too_large', ['body: larger than 10 MiB']))))
      line.hangUp()
    }),
  ),
  'early-ok': early(
    made((line, call) => {
      line.say(measured(closing(success(call))))
      line.hangUp()
    }),
  ),
  'stale-keepalive': made((line, call) => {
    line.hearing = 'stale'
    line.say(measured(success(call)))
  }),
  'info-100': informed('HTTP/1.1 100 Continue'),
  'info-102': informed('HTTP/1.1 102 Processing'),
  'info-103': informed('HTTP/1.1 103 Early Hints', ['link', '</style.css>; rel=preload']),
  'info-flood': unmade((line) => line.every(floodEveryMs, () => line.say(head('HTTP/1.1 102 Processing', [])))),
  switching: unmade((line) => {
    const upgrade = [['upgrade', 'websocket'] as const, ['connection', 'upgrade'] as const]
    line.say(head('HTTP/1.1 101 Switching Protocols', upgrade))
  }),
  poison: made((line, call) => {
    line.say(Buffer.concat([measured(success(call)), measured(success(call, { note: 'poison' }))]))
  }),
  'poison-later': made((line, call) => {
    line.say(measured(success(call)))
    line.later(laterMs, () => line.say(measured(success(call, { note: 'poison' }))))
  }),
} satisfies Record<string, Row>

function early(row: Row): Row {
  return { ...row, at: 'head' }
}

function closing<A extends { headers: (readonly [string, string])[] }>(answer: A): A {
  return { ...answer, headers: [...answer.headers, ['connection', 'close']] }
}

function informed(start: string, ...headers: (readonly [string, string])[]): Row {
  return made((line, call) => line.say(Buffer.concat([head(start, headers), measured(success(call))])))
}
