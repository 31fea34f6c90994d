import assert from 'node:assert/strict'
import { test } from 'node:test'
import { headersBack, headersOut, type Outgoing, retryAfterSeconds } from '../../src/upstream/headers.ts'

const usual: Outgoing = {
  ...{ accept: 'image/*', contentType: 'multipart/form-data; boundary=x', contentLength: 7, userId: 'pseudonym' },
  ...{ clientId: 'an app', clientVersion: '1.0' },
}

test('nothing goes out but what is on the list', () => {
  assert.deepEqual(headersOut(usual), [
    ...['accept', 'image/*', 'content-type', 'multipart/form-data; boundary=x', 'content-length', '7'],
    ...['accept-encoding', 'identity', 'user-agent', 'tollgate', 'stability-client-user-id', 'pseudonym'],
    ...['stability-client-id', 'an app', 'stability-client-version', '1.0'],
  ])
})

test('a client name that is too long, empty or not plain text stays here', () => {
  for (const text of ['', 'a'.repeat(257), 'a\r\nb', 'é', '\0']) {
    assert.ok(!headersOut({ ...usual, clientId: text }).includes('stability-client-id'), JSON.stringify(text))
    assert.ok(!headersOut({ ...usual, clientVersion: text }).includes('stability-client-version'))
  }
  assert.ok(headersOut({ ...usual, clientId: 'a'.repeat(256) }).includes('stability-client-id'))
})

test('only a content-type as the vendor writes it is repeated whole', () => {
  const back = (text: string) => headersBack({ 'content-type': text }).contentType
  for (const text of ['image/png', 'application/json; type=image/png', 'application/json;type=image/webp']) {
    assert.equal(back(text), text)
  }
  assert.equal(back('image/png; x=sk-a-secret'), 'image/png')
  assert.equal(back('application/json; type=image/png; key=sk-a-secret'), 'application/json')
  assert.equal(back(''), '')
})

test('a length or chunks prove the end of a body, and nothing else does', () => {
  const framed = (headers: Record<string, string | string[]>) => headersBack(headers).framed
  assert.ok(framed({ 'content-length': '0' }))
  assert.ok(framed({ 'transfer-encoding': 'Chunked' }))
  assert.ok(!framed({}))
  assert.ok(!framed({ 'content-length': '' }))
  assert.ok(!framed({ 'content-length': '-1' }))
  assert.ok(!framed({ 'content-length': ['5', '6'] }))
  assert.ok(!framed({ 'transfer-encoding': 'gzip' }))
})

test('seed and finish reason pass in their own shape only', () => {
  const { seed, finishReason } = headersBack({ seed: '4294967294', 'finish-reason': 'CONTENT_FILTERED' })
  assert.deepEqual([seed, finishReason], ['4294967294', 'CONTENT_FILTERED'])
  for (const text of ['', 'a b', 'sk-1', '1\n2', '12345678901', 'ok', 'A'.repeat(41)]) {
    const odd = headersBack({ seed: text, 'finish-reason': text })
    assert.deepEqual([odd.seed, odd.finishReason], [undefined, undefined], JSON.stringify(text))
  }
})

test('how long to wait is from 1 to 3600 seconds, and 60 where it cannot be read', () => {
  const read = { '0': 1, '1': 1, '3600': 3600, '3601': 3600, ['9'.repeat(400)]: 3600 }
  for (const [text, seconds] of Object.entries(read)) assert.equal(retryAfterSeconds(text), seconds, text)
  for (const text of [
    undefined,
    '',
    '-1',
    '1.5',
    '1e2',
    'soon',
    'in 2099',
    '2099-01-01',
    '1, 2',
    'Wed, 21 Oct 2015 07:28:00 GMT',
  ]) {
    assert.equal(retryAfterSeconds(text), 60, String(text))
  }
})

test('all three forms of a date are read', () => {
  for (const text of ['Fri, 31 Dec 2999 23:59:59 GMT', 'Friday, 31-Dec-49 23:59:59 GMT', 'Fri Dec  1 23:59:59 2999']) {
    assert.equal(retryAfterSeconds(text), 3600, text)
  }
})
