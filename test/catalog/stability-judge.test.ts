import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Outcome } from '../../src/catalog/offer.ts'
import { judge } from '../../src/catalog/stability-judge.ts'
import type { Answer } from '../../src/upstream/answer.ts'
import { headersBack } from '../../src/upstream/headers.ts'
import { picture } from '../support/stand-in-picture.ts'
import { formWith } from './form.ts'

const png = picture('png')
const form = formWith(['prompt', 'a lighthouse'])
const settings = { chargeFiltered: true, cleanse: (text: string) => text.replaceAll('secret', '[removed]') }

type Told = Partial<Answer> & { headers?: Record<string, string>; retryAfterSeconds?: number }

function judged(told: Told, accept: 'image/*' | 'application/json' = 'image/*', chargeFiltered = true): Outcome {
  const { headers, retryAfterSeconds, ...rest } = told
  const body = rest.body ?? png
  const framing = { 'content-length': String(body.length) }
  const head = headersBack({ 'content-type': 'image/png', 'finish-reason': 'SUCCESS', ...framing, ...headers })
  const answer: Answer = { kind: 'whole', reason: '', status: 200, head, body, ...rest }
  const forwarded = { answer, attempts: [], ms: 1, retryAfterSeconds, bodyOut: true }
  return judge(forwarded, { accept, form }, { ...settings, chargeFiltered })
}

const said = (value: unknown) => Buffer.from(JSON.stringify(value))
const json = (value: unknown): Told => ({ body: said(value), headers: { 'content-type': 'application/json' } })
const image = png.toString('base64')

test('a whole picture of its type is paid', () => {
  assert.deepEqual(judged({}), {
    ...{ outcome: 'succeeded', paid: true, reason: 'success', mayBill: false, level: 'info' },
    ...{ finishReason: 'SUCCESS', warning: undefined, refusal: undefined },
  })
  for (const type of ['IMAGE/PNG', 'image/png; charset=binary', 'image/png;']) {
    assert.equal(judged({ headers: { 'content-type': type } }).paid, true, type)
  }
})

test('a picture is known by its first bytes alone', () => {
  for (const format of ['png', 'jpeg', 'webp'] as const) {
    const body = picture(format)
    assert.equal(judged({ body, headers: { 'content-type': `image/${format}` } }).paid, true)
    assert.equal(judged({ body: body.subarray(1), headers: { 'content-type': `image/${format}` } }).paid, false)
    assert.equal(judged({ body: body.subarray(0, 2), headers: { 'content-type': `image/${format}` } }).paid, false)
  }
  assert.equal(
    judged({ body: Buffer.from('RIFF____AVI ______'), headers: { 'content-type': 'image/webp' } }).paid,
    false,
  )
})

test('nothing but 200 is paid, however good the picture', () => {
  for (let status = 0; status < 1000; status++) {
    assert.equal(judged({ status }).paid, status === 200, String(status))
  }
})

test('nothing but a whole answer is paid, however good the picture', () => {
  for (const kind of ['cut', 'silent', 'unreached', 'unsent'] as const) {
    const outcome = judged({ kind, reason: 'upstream_reset' })
    assert.equal(outcome.paid, false, kind)
    assert.equal(outcome.mayBill, kind === 'cut' || kind === 'silent', kind)
  }
})

test('every refusal is one of ours, and a failure is never a 2xx', () => {
  for (let status = 0; status < 1000; status++) {
    const { refusal, paid } = judged({ status, body: said({ name: 'a_name', errors: ['why'] }), retryAfterSeconds: 7 })
    assert.equal(paid, false)
    assert.ok(refusal && [400, 403, 413, 422, 429, 500, 502, 503].includes(refusal.status), String(status))
    assert.equal(refusal.retryAfterSeconds !== undefined, refusal.status === 503 || refusal.status === 429)
  }
})

test('JSON is paid when it holds a picture in base64', () => {
  assert.equal(judged(json({ image, finish_reason: 'SUCCESS', seed: 1 }), 'application/json').paid, true)
  const others = [{ image: '' }, { image: null }, { image: 7 }, { image: [image] }, { image: '***' }, {}, [], null, 'x']
  for (const body of [...others, { Image: image }, { images: [image] }, { image: `${image}===` }]) {
    const { paid, reason, mayBill } = judged(json(body), 'application/json')
    assert.deepEqual([paid, reason, mayBill], [false, 'upstream_bad_payload', true], JSON.stringify(body))
  }
})

test('JSON of the largest size is read', () => {
  const large = 'A'.repeat(32 * 1024 * 1024)
  assert.equal(judged(json({ image: large, finish_reason: 'SUCCESS' }), 'application/json').paid, true)
  assert.equal(judged(json({ image: `${large}*`, finish_reason: 'SUCCESS' }), 'application/json').paid, false)
})

test('JSON for who asked for a picture is not paid, nor the other way round', () => {
  assert.equal(judged(json({ image, finish_reason: 'SUCCESS' })).reason, 'upstream_wrong_type')
  assert.equal(judged({}, 'application/json').reason, 'upstream_wrong_type')
})

test('what was filtered is charged unless the operator says otherwise', () => {
  const asPicture: Told = { headers: { 'finish-reason': 'CONTENT_FILTERED' } }
  const asJson = json({ image, finish_reason: 'CONTENT_FILTERED' })
  for (const [told, accept] of [
    [asPicture, 'image/*'],
    [asJson, 'application/json'],
  ] as const) {
    const charged = judged(told, accept)
    assert.deepEqual([charged.outcome, charged.paid, charged.mayBill], ['filtered', true, false])
    const free = judged(told, accept, false)
    assert.deepEqual([free.outcome, free.paid, free.mayBill, free.refusal], ['filtered', false, true, undefined])
  }
})

test('a missing or unknown finish reason is a success with a warning', () => {
  for (const finish of ['', 'success', 'content_filtered', 'ERROR', 'CONTENT_FILTERED, SUCCESS']) {
    const { paid, warning, level } = judged({ headers: { 'finish-reason': finish } })
    assert.deepEqual([paid, warning, level], [true, 'unknown_finish_reason', 'warn'], finish)
  }
  for (const finish of [undefined, 7, null, 'ERROR']) {
    const { paid, warning } = judged(json({ image, finish_reason: finish }), 'application/json')
    assert.deepEqual([paid, warning], [true, 'unknown_finish_reason'], String(finish))
  }
})

test('another format than was asked for is a success with a warning', () => {
  const body = picture('webp')
  assert.equal(judged({ body, headers: { 'content-type': 'image/webp' } }).warning, 'other_output_format')
  const inside = json({ image: body.toString('base64'), finish_reason: 'SUCCESS' })
  assert.equal(judged(inside, 'application/json').warning, 'other_output_format')
})

test('an answer whose end nothing proves, or that is encoded, is not paid', () => {
  const unframed = { 'content-length': '', 'transfer-encoding': '' }
  assert.equal(judged({ headers: unframed }).reason, 'upstream_unframed_body')
  assert.equal(judged({ headers: { ...unframed, 'transfer-encoding': 'gzip' } }).reason, 'upstream_unframed_body')
  assert.equal(judged({ headers: { ...unframed, 'transfer-encoding': 'Chunked' } }).paid, true)
  assert.equal(judged({ headers: { 'content-encoding': 'gzip' } }).reason, 'upstream_bad_encoding')
  assert.equal(judged({ headers: { 'content-encoding': 'Identity' } }).paid, true)
})

test('of the words of a refusal five of 500 characters are told, cleansed first', () => {
  const errors = [`${'a'.repeat(490)} secret ${'b'.repeat(900)}`, 7, null, 'b', 'c', 'd', { e: 1 }, 'e', 'f']
  const { refusal } = judged({ status: 400, body: said({ name: 'bad_request', errors }) })
  assert.deepEqual(refusal?.errors, [`${'a'.repeat(490)} [removed]`.slice(0, 500), 'b', 'c', 'd', 'e'])
  assert.deepEqual([refusal?.slug, refusal?.status], ['bad_request', 400])
})

test('a refusal without words gets ours', () => {
  for (const body of [
    Buffer.alloc(0),
    Buffer.from('<html>'),
    said(null),
    said([]),
    said({ errors: 'x', name: '<b>' }),
  ]) {
    const { refusal } = judged({ status: 422, body })
    assert.deepEqual([refusal?.status, refusal?.slug, refusal?.errors.length], [422, 'unprocessable', 1])
  }
})

test('only moderation is the caller’s own 403', () => {
  const moderated = judged({ status: 403, body: said({ name: 'content_moderation', errors: ['flagged'] }) })
  assert.deepEqual([moderated.refusal?.status, moderated.refusal?.slug], [403, 'content_moderation'])
  for (const name of ['permission_denied', 'CONTENT_MODERATION', undefined, ['content_moderation']]) {
    const { refusal } = judged({ status: 403, body: said({ name, errors: ['the key'] }) })
    assert.deepEqual([refusal?.status, refusal?.code], [503, 'upstream_unavailable'])
  }
})

test('without a token the caller waits when one only cools, and hears that we are unavailable when none does', () => {
  for (const told of [{ kind: 'unsent', reason: 'no_token', status: 0 }, { status: 401 }, { status: 402 }] as const) {
    const waiting = judged({ ...told, retryAfterSeconds: 30 }).refusal
    assert.deepEqual([waiting?.status, waiting?.code, waiting?.retryAfterSeconds], [429, 'rate_limit_exceeded', 30])
    const hopeless = judged(told).refusal
    assert.deepEqual([hopeless?.status, hopeless?.code, hopeless?.retryAfterSeconds], [503, 'upstream_unavailable', 60])
  }
})
