import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { adminKey } from '../support/house.ts'
import { checkout, machinePath, openPlace } from '../support/process.ts'
import { opened } from '../support/stand-in-client.ts'

const tollgate = [process.execPath, join(checkout, 'src/cli/tollgate.mjs')] as const
const { version } = JSON.parse(readFileSync(join(checkout, 'package.json'), 'utf8')) as { version: string }

test('--help names the commands and --version the version', async (t) => {
  const place = openPlace(t)
  const help = await place.run({ command: [...tollgate, '--help'] })
  assert.equal(help.code, 0)
  assert.match(help.stdout, /^Usage: tollgate .* serve .* sandbox /s)
  assert.equal((await place.run({ command: [...tollgate, '--version'] })).stdout, `${version}\n`)
})

test('wrong usage ends with 2 and one sentence', async (t) => {
  const place = openPlace(t)
  const wrong = [['no-such-noun'], ['--no-such-option'], ['sandbox', '--port'], ['sandbox', '--port', 'many'], []]
  for (const args of [...wrong, ['sandbox', '--port', '65536'], ['serve', 'too', 'much']]) {
    const { code, stderr } = await place.run({ command: [...tollgate, ...args] })
    assert.equal(code, 2, args.join(' '))
    assert.doesNotMatch(stderr, /^\s+at /m)
  }
})

test('serve runs the gateway and a signal ends it with 0', async (t) => {
  const place = openPlace(t)
  const house = place.begin({ command: [...tollgate, 'serve'], env: { ADMIN_KEY: adminKey } })
  const [, origin] = await house.until(/"address":"([^"]+)","msg":"listening"/)
  assert.equal((await fetch(`${origin}/health`)).status, 200)
  house.kill('SIGTERM')
  assert.deepEqual(await house.ended, { code: 0, signal: null })
})

test('serve refuses wrong settings with 78', async (t) => {
  const { code, stderr } = await openPlace(t).run({ command: [...tollgate, 'serve'], env: { PORT: 'many' } })
  assert.equal(code, 78)
  assert.match(stderr, /PORT: must be a whole number/)
})

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(`sandbox answers like the upstream until ${signal} ends it with 0`, async (t) => {
    const sandbox = openPlace(t).begin({ command: [...tollgate, 'sandbox', '--port', '0'] })
    const [, origin] = await sandbox.until(/listens at (http:\S+);/)
    const form = new FormData()
    form.set('prompt', 'a lighthouse')
    const path = '/v2beta/stable-image/generate/core'
    const headers = { authorization: 'Bearer any', accept: 'image/*' }
    const answer = await fetch(origin + path, { method: 'POST', headers, body: form })
    assert.deepEqual([answer.status, answer.headers.get('content-type')], [200, 'image/png'])
    await answer.arrayBuffer()
    sandbox.kill(signal)
    assert.deepEqual(await sandbox.ended, { code: 0, signal: null })
  })
}

test('sandbox says that its port is taken and ends with 1', async (t) => {
  const standIn = await opened(t)
  const { code, stderr } = await openPlace(t).run({ command: [...tollgate, 'sandbox', '--port', String(standIn.port)] })
  assert.deepEqual([code, stderr], [1, 'Something else listens at that port already.\n'])
})

const machine = { PATH: machinePath, npm_config_update_notifier: 'false', npm_config_offline: 'true' }

test('npx finds the command and the Node of the checkout, whatever Node the machine has', async (t) => {
  const { code, stdout } = await openPlace(t).run({
    command: ['npx', 'tollgate', '--version'],
    cwd: checkout,
    env: machine,
  })
  assert.deepEqual([code, stdout], [0, `${version}\n`])
})

test('npm start finds the Node of the checkout, whatever Node the machine has', async (t) => {
  const house = openPlace(t).begin({ command: ['npm', 'start'], cwd: checkout, env: machine, group: true })
  const [, origin] = await house.until(/"address":"([^"]+)","msg":"listening"/)
  assert.equal((await fetch(`${origin}/health`)).status, 200)
  house.kill('SIGTERM')
  await house.ended
  assert.match(house.stdout(), /"msg":"closed"/)
})
