import assert from 'node:assert/strict'
import { test } from 'node:test'
import { csvLine, wantsCsv } from '../src/csv.ts'

test('cells with separators, quotes or line breaks are quoted', () => {
  assert.equal(csvLine(['a', 'b,c', 'd"e', 'f\r\ng', '', null, true]), 'a,"b,c","d""e","f\r\ng",,,true\r\n')
})

test('text that begins like a formula is defused, numbers are left alone', () => {
  for (const first of ['=', '+', '-', '@', '\t']) assert.equal(csvLine([`${first}1`]), `'${first}1\r\n`)
  assert.equal(csvLine(['\r=1']), `"'\r=1"\r\n`)
  assert.equal(csvLine([-3, -0.000001 * 1e6, 'a=b', ' =1']), '-3,-1,a=b, =1\r\n')
})

test('JSON is what everybody gets who does not prefer CSV', () => {
  for (const accept of [undefined, '', '*/*', 'application/json', 'text/html', 'text/csv;q=0', 'TEXT/CSV;q=x']) {
    assert.equal(wantsCsv(accept), false, String(accept))
  }
  for (const accept of [
    'text/csv',
    'TEXT/CSV',
    'text/*',
    'text/csv;header=present',
    'text/csv,application/json;q=0.9',
  ]) {
    assert.equal(wantsCsv(accept), true, accept)
  }
})
