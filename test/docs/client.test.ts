import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { apiTypes } from '../support/api-types.ts'
import { openTestHouse } from '../support/house.ts'
import { checkout } from '../support/process.ts'

const run = promisify(execFile)

const source = `import createClient from 'openapi-fetch'
import type { paths } from './types.ts'

const [origin = '', secret = ''] = process.argv.slice(2)
const client = createClient<paths>({ baseUrl: origin, headers: { authorization: \`Bearer \${secret}\` } })

function form(fields: object): FormData {
  const form = new FormData()
  for (const [name, value] of Object.entries(fields)) form.append(name, String(value))
  return form
}

const picture = await client.POST('/sd/v2beta/stable-image/generate/core', {
  body: { prompt: 'a lighthouse', aspect_ratio: '1:1', seed: 7, output_format: 'webp' },
  bodySerializer: form,
  parseAs: 'arrayBuffer',
})
// @ts-expect-error no such ratio
const wrong = await client.POST('/sd/v2beta/stable-image/generate/core', { body: { prompt: 'x', aspect_ratio: '7:7' }, bodySerializer: form })
const balance = await client.GET('/sd/v1/user/balance')
const me = await client.GET('/portal/v1/me')
const call = await client.GET('/portal/v1/calls/{id}', {
  params: { path: { id: picture.response.headers.get('x-request-id') ?? '' } },
})
const credits: number | undefined = balance.data?.credits
const available: number | undefined = me.data?.balance.available
const outcome: string | null | undefined = call.data?.outcome
console.log(
  JSON.stringify([
    [picture.response.status, picture.response.headers.get('content-type'), picture.response.headers.get('seed')],
    [wrong.response.status, credits, available, outcome, call.data?.timeline.at(-1)?.event],
  ]),
)
`
const config = {
  extends: join(checkout, 'tsconfig.json'),
  compilerOptions: { types: ['node'], typeRoots: [join(checkout, 'node_modules/@types')], lib: ['esnext', 'dom'] },
  include: ['*.ts'],
}

test('a client generated from the document is type-checked, makes a paid sandbox call and reads the balance', async (t) => {
  const house = await openTestHouse(t)
  const { secret } = await house.key(await house.account(12.5), { mode: 'test' })
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-client-'))
  t.after(() => rmSync(folder, { recursive: true }))
  symlinkSync(join(checkout, 'node_modules'), join(folder, 'node_modules'))
  const document = (await house.client.json('GET', '/openapi.json')).json()
  writeFileSync(join(folder, 'types.ts'), apiTypes(document, ['/']))
  writeFileSync(join(folder, 'client.ts'), source)
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config))
  const checked = await run(join(checkout, 'node_modules/.bin/tsc'), ['-p', folder, '--noEmit']).catch((error) => error)
  assert.equal(String(checked.stdout), '')
  const { stdout } = await run(process.execPath, [join(folder, 'client.ts'), house.origin, secret])
  assert.deepEqual(JSON.parse(stdout), [
    [200, 'image/webp', '7'],
    [400, 12.5, 12.5, 'succeeded', 'settled'],
  ])
  await house.balanced()
})
