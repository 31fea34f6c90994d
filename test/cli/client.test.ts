import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { apiTypes, apiTypesFile } from '../support/api-types.ts'
import { openTestHouse } from '../support/house.ts'

test('the types of the client are those of the OpenAPI document', async (t) => {
  const house = await openTestHouse(t)
  const document = (await house.client.json('GET', '/openapi.json')).json()
  const hint = 'run: node test/support/api-types.ts'
  assert.equal(readFileSync(apiTypesFile, 'utf8'), apiTypes(document), hint)
})
