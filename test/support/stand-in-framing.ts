import type { Act, Answer, Header, Row } from './stand-in-answer.ts'
import {
  chunk,
  halves,
  head,
  headOf,
  made,
  measured,
  measuredHead,
  numberIn,
  success,
  unmade,
  withHeaders,
} from './stand-in-answer.ts'
import type { Line } from './stand-in-line.ts'

/** What follows the last byte. A reset waits, so that the other side has read what came before it. */
type End = 'stay' | 'fin' | 'reset'
const resetAfterMs = 30
const lastChunk = Buffer.from('0\r\n\r\n')
const chunked: Header = ['transfer-encoding', 'chunked']

/** Whole pictures, sent in unusual ways. */
const oddButWhole = {
  ok: made((line, call, argument) => line.say(measured(success(call, { bytes: numberIn(argument, 2_000) })))),
  chunked: sent((answer) => [headOf(answer, chunked), ...halves(answer.body).map(chunk), lastChunk]),
  'chunked-trailers': sent((answer) => [
    headOf(answer, chunked, ['trailer', 'x-trailer']),
    ...halves(answer.body).map(chunk),
    '0\r\nx-trailer: late\r\nfinish-reason: CONTENT_FILTERED\r\n\r\n',
  ]),
  'keepalive-lie': sent((answer) => [measured(withHeaders(answer, ['keep-alive', 'timeout=60']))], 'fin'),
  'connection-close': sent((answer) => [measured(withHeaders(answer, ['connection', 'close']))], 'fin'),
  'split-bytes': made((line, call) => line.drip(measured(success(call, { bytes: 250 })), 1, 1)),
  'slow-headers': made((line, call, ms) => line.later(numberIn(ms, 300), () => line.say(measured(success(call))))),
  'slow-body': made((line, call, ms) => {
    const answer = success(call)
    line.say(measuredHead(answer))
    line.drip(answer.body, Math.ceil(answer.body.length / 5), numberIn(ms, 300) / 5)
  }),
  trickle: made((line, call, ms) => {
    const answer = success(call)
    line.say(measuredHead(answer))
    line.drip(answer.body, 1, numberIn(ms, 50))
  }),
} satisfies Record<string, Row>

/** Whole answers that stop somewhere. */
const cutShort = {
  'reset-mid-headers': cut('mid-headers', 'reset'),
  'fin-mid-headers': cut('mid-headers', 'fin'),
  'hang-mid-headers': cut('mid-headers', 'stay'),
  'reset-after-headers': cut('after-headers', 'reset'),
  'fin-after-headers': cut('after-headers', 'fin'),
  'hang-after-headers': cut('after-headers', 'stay'),
  'reset-mid-body': cut('mid-body', 'reset'),
  'fin-mid-body': cut('mid-body', 'fin'),
  'hang-mid-body': cut('mid-body', 'stay'),
  'fin-last-byte': cut('last-byte', 'fin'),
  'hang-last-byte': cut('last-byte', 'stay'),
} satisfies Record<string, Row>

/** Lengths and chunks that lie, contradict each other, or are missing. */
const misframed = {
  'length-too-long': sent((answer) => [headOf(answer, length(answer.body.length + 100)), answer.body], 'fin'),
  'length-too-short': sent((answer) => [headOf(answer, length(answer.body.length - 100)), answer.body]),
  'length-and-chunked': sent((a) => [headOf(a, length(a.body.length), chunked), chunk(a.body), lastChunk]),
  'two-lengths': sent((a) => [headOf(a, length(a.body.length), length(a.body.length - 1)), a.body]),
  'length-text': sent((answer) => [headOf(answer, length('many')), answer.body]),
  'length-negative': sent((answer) => [headOf(answer, length(-5)), answer.body]),
  'length-huge': sent((answer) => [headOf(answer, length('99999999999999999999999')), answer.body]),
  'chunked-truncated': sent((answer) => [headOf(answer, chunked), chunk(answer.body)], 'fin'),
  'chunked-cut': sent((answer) => [headOf(answer, chunked), halves(chunk(answer.body))[0]], 'fin'),
  'chunked-bad-size': badChunk('zz'),
  'chunked-negative': badChunk('-5'),
  'chunked-0x': badChunk('0x7d0'),
  'chunked-huge': badChunk('fffffffffffffffffffff'),
  'chunked-bad-end': sent((a) => [headOf(a, chunked), a.body.length.toString(16), '\r\n', a.body, 'XX', lastChunk]),
  'chunked-bare-lf': sent((a) => [headOf(a, chunked), a.body.length.toString(16), '\n', a.body, '\n0\n\n']),
  'close-delimited': sent((answer) => [headOf(answer, ['connection', 'close']), answer.body], 'fin'),
  'close-delimited-truncated': sent((a) => [headOf(a, ['connection', 'close']), halves(a.body)[0]], 'fin'),
  'http-1.0': sent((answer) => [head('HTTP/1.0 200 OK', answer.headers), answer.body], 'fin'),
  'te-unknown': sent((answer) => [headOf(answer, ['transfer-encoding', 'snappy']), answer.body], 'fin'),
} satisfies Record<string, Row>

/** What no reader of HTTP/1.1 should take for an answer. */
const malformed = {
  garbage: unmade((line) => line.say(Buffer.alloc(600, 'not a word of HTTP \x00\xff', 'latin1'))),
  'bad-status-line': started('HTTP/1.1 OK 200'),
  'bad-version': started('HTTP/3.7 200 OK'),
  'status-99': started('HTTP/1.1 99 Low'),
  'status-999': started('HTTP/1.1 999 High'),
  'http-0.9': sent((answer) => [answer.body], 'fin'),
  'header-bare-cr': sent((answer) => [measured(withHeaders(answer, ['x-odd', 'one\rx-two: 2']))]),
  'header-nul': sent((answer) => [measured(withHeaders(answer, ['x-odd', 'one\0two']))]),
  'header-folded': sent((answer) => [measured(withHeaders(answer, ['x-odd', 'one\r\n two']))]),
  'header-no-colon': sent((answer) => [
    measuredHead(answer).toString('latin1').replace('\r\n', '\r\nodd\r\n'),
    answer.body,
  ]),
  'header-huge': sent((answer) => [measured(withHeaders(answer, ['x-odd', 'a'.repeat(200_000)]))]),
  'header-many': sent((answer) => [measured(withHeaders(answer, ...Array.from({ length: 5_000 }, oddHeader)))]),
} satisfies Record<string, Row>

const block = Buffer.alloc(65_536)

/** Bodies larger than anybody wants, made as they are read. */
const oversized = {
  'big-body': made((line, call, argument) => {
    const answer = success(call)
    const bytes = numberIn(argument, 40_000_000)
    line.say(Buffer.concat([headOf(answer, length(bytes)), answer.body]))
    line.pour(block, bytes - answer.body.length)
  }),
  'endless-body': made((line, call) => {
    const answer = success(call)
    line.say(Buffer.concat([headOf(answer, chunked), chunk(answer.body)]))
    line.pour(chunk(block), Number.POSITIVE_INFINITY)
  }),
} satisfies Record<string, Row>

export const framingModes = { ...oddButWhole, ...cutShort, ...misframed, ...malformed, ...oversized }

function sent(write: (answer: Answer) => (Buffer | string)[], end: End = 'stay'): Row {
  return made((line, call) => {
    line.say(Buffer.concat(write(success(call)).map((part) => (typeof part === 'string' ? latin1(part) : part))))
    finish(line, end)
  })
}

function finish(line: Line, end: End): void {
  if (end === 'fin') line.hangUp()
  if (end === 'reset') line.later(resetAfterMs, line.reset)
}

function cut(where: 'mid-headers' | 'after-headers' | 'mid-body' | 'last-byte', end: End): Row {
  return sent((answer) => {
    const header = measuredHead(answer)
    if (where === 'mid-headers') return [halves(header)[0]]
    if (where === 'after-headers') return [header]
    return [header, where === 'mid-body' ? halves(answer.body)[0] : answer.body.subarray(0, -1)]
  }, end)
}

function badChunk(size: string): Row {
  return sent((answer) => [headOf(answer, chunked), `${size}\r\n`, answer.body, '\r\n', lastChunk])
}

function started(start: string): Row {
  const act: Act = (line, call) => {
    const answer = success(call)
    line.say(Buffer.concat([head(start, [...answer.headers, length(answer.body.length)]), answer.body]))
  }
  return made(act)
}

function length(value: number | string): Header {
  return ['content-length', String(value)]
}

function oddHeader(_: unknown, index: number): Header {
  return [`x-odd-${index}`, 'one of many']
}

function latin1(text: string): Buffer {
  return Buffer.from(text, 'latin1')
}
