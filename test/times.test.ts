import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dayOf, dayText, formatTime, monthOf, parseTime } from '../src/times.ts'

test('times are read with any offset and told in UTC with milliseconds', () => {
  const read = (text: string) => formatTime(parseTime(text) ?? Number.NaN)
  assert.equal(read('2026-11-22T14:03:11.482Z'), '2026-11-22T14:03:11.482Z')
  assert.equal(read('2026-11-22t14:03:11z'), '2026-11-22T14:03:11.000Z')
  assert.equal(read('2026-11-22T01:00:00+02:30'), '2026-11-21T22:30:00.000Z')
  assert.equal(read('2026-12-31T23:30:00-01:00'), '2027-01-01T00:30:00.000Z')
  assert.equal(read('2026-11-22T14:03:11.123999999Z'), '2026-11-22T14:03:11.123Z')
  assert.equal(read('2026-11-22'), '2026-11-22T00:00:00.000Z')
  assert.equal(read('2024-02-29'), '2024-02-29T00:00:00.000Z')
  assert.equal(read('0050-01-01'), '0050-01-01T00:00:00.000Z')
})

test('days and hours that never were are none', () => {
  const never = ['2026-02-29', '2026-04-31', '2026-13-01', '2026-00-10', '2026-01-00', '2026-01-01T24:00:00Z']
  const texts = [
    '',
    'now',
    '2026-1-1',
    '2026-01-01T10:00',
    '2026-01-01T10:00:00',
    '2026-01-01T10:60:00Z',
    ' 2026-01-01',
  ]
  const offsets = ['2026-01-01T10:00:00+24:00', '2026-01-01T10:00:00+01:60', '2026-01-01T10:00:60Z']
  for (const text of [...never, ...texts, ...offsets]) assert.equal(parseTime(text), undefined, text)
})

test('a month ends where the next one begins', () => {
  for (const [month, next] of [
    ['2026-02', '2026-03'],
    ['2026-12', '2027-01'],
    ['2024-02', '2024-03'],
  ] as const) {
    assert.equal(monthOf(month).endMs, monthOf(next).startMs)
    assert.equal(formatTime(monthOf(month).startMs), `${month}-01T00:00:00.000Z`)
  }
})

test('days are numbers in UTC', () => {
  assert.equal(dayOf(Date.parse('2026-11-22T23:59:59.999Z')), 20261122)
  assert.equal(dayText(20261122), '2026-11-22')
})
