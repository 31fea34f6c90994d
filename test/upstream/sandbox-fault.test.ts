import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { after, test } from 'node:test'
import { createCanvas, loadImage } from '@napi-rs/canvas'
import { openSandbox } from '../../src/upstream/sandbox.ts'
import { faultNames } from '../../src/upstream/sandbox-fault.ts'
import { bytesOf, corePath, type Fields, formOf, magic, post, refusalOf, runAlone } from './sandbox-calls.ts'

const sandbox = await openSandbox()
after(() => sandbox.close())

const ask = (fields: Fields, headers: Fields = {}) => post(sandbox.origin, formOf(fields), headers)

/** One call by hand, read until the connection is gone. */
async function rawCall(fields: Fields, accept = 'image/*') {
  const request = new Request('http://sandbox', { method: 'POST', body: formOf(fields) })
  const body = await bytesOf(new Response(await request.arrayBuffer()))
  const socket = connect(Number(new URL(sandbox.origin).port), '127.0.0.1')
  const chunks: Buffer[] = []
  let error: NodeJS.ErrnoException | undefined
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  socket.on('error', (cause) => {
    error = cause
  })
  socket.write(
    `POST ${corePath} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer sk-good\r\naccept: ${accept}\r\n` +
      `content-type: ${request.headers.get('content-type')}\r\ncontent-length: ${body.length}\r\n\r\n`,
  )
  socket.write(body)
  await new Promise((closed) => socket.once('close', closed))
  const answer = Buffer.concat(chunks)
  const split = answer.indexOf('\r\n\r\n')
  return { head: answer.toString('latin1', 0, Math.max(0, split)), body: answer.subarray(split + 4), error, answer }
}

const errorFaults: [fault: string, status: number, name: string, retryAfter: string | null][] = [
  ['400', 400, 'bad_request', null],
  ['402', 402, 'payment_required', null],
  ['403', 403, 'content_moderation', null],
  ['422', 422, 'invalid_language', null],
  ['429', 429, 'rate_limit_exceeded', '2'],
  ['500', 500, 'internal_error', null],
  ['503', 503, 'service_unavailable', '3'],
  ['busy', 529, 'overloaded', null],
]
for (const [fault, status, name, retryAfter] of errorFaults) {
  test(`sandbox:${fault} answers ${status} ${name}`, async () => {
    const answer = await ask({ prompt: `a cat, sandbox:${fault}, in the rain` })
    assert.equal(answer.headers.get('retry-after'), retryAfter)
    const refusal = await refusalOf(answer)
    assert.deepEqual([refusal.status, refusal.name, refusal.errors.length], [status, name, 1])
    assert.match(refusal.id, fault === '429' ? /^rate_limit_exceeded$/ : /^[0-9a-f]{32}$/)
  })
}

test('sandbox:502 answers with a page as a load balancer does', async () => {
  const answer = await ask({ prompt: 'sandbox:502' })
  assert.deepEqual([answer.status, answer.headers.get('content-type')], [502, 'text/html'])
  assert.match(await answer.text(), /^<html>/)
})

test('sandbox:filtered answers 200 with a blurred picture that says so', async () => {
  const answer = await ask({ prompt: 'sandbox:filtered', seed: '3' })
  assert.deepEqual([answer.status, answer.headers.get('finish-reason')], [200, 'CONTENT_FILTERED'])
  const image = await loadImage(await bytesOf(answer))
  const pen = createCanvas(image.width, image.height).getContext('2d')
  pen.drawImage(image, 0, 0)
  const { data } = pen.getImageData(0, 0, image.width, image.height)
  let steepest = 0
  for (let at = 4; at < data.length; at += 4) {
    if ((at / 4) % image.width) steepest = Math.max(steepest, Math.abs((data[at] ?? 0) - (data[at - 4] ?? 0)))
  }
  assert.ok(steepest < 24, `an edge of ${steepest} is left`)
  const json = JSON.parse(await (await ask({ prompt: 'sandbox:filtered' }, { accept: 'application/json' })).text())
  assert.equal(json.finish_reason, 'CONTENT_FILTERED')
})

test('sandbox:slow answers rightly in the end, and others need not wait for it', async () => {
  const patient = await openSandbox({ slowMs: 1_000 })
  const order: string[] = []
  const note = async (name: string, answer: Promise<Response>) => {
    assert.match((await bytesOf(await answer)).toString('hex', 0, 8), magic.png)
    order.push(name)
  }
  const slow = note('slow', post(patient.origin, formOf({ prompt: 'sandbox:slow' })))
  await note('quick', post(patient.origin, formOf({ prompt: 'quick' })))
  await slow
  await patient.close()
  assert.deepEqual(order, ['quick', 'slow'])
})

for (const accept of ['image/*', 'application/json']) {
  test(`sandbox:truncated sends half of what it announces as ${accept}, then closes`, async () => {
    const { head, body, error } = await rawCall({ prompt: 'sandbox:truncated', seed: '1' }, accept)
    assert.match(head, /^HTTP\/1\.1 200 /)
    const announced = Number(/content-length: (\d+)/i.exec(head)?.[1])
    assert.ok(announced > 10_000)
    assert.equal(body.length, Math.floor(announced / 2))
    assert.equal(error, undefined)
  })
}

test('sandbox:reset resets the connection without an answer', async () => {
  const { answer, error } = await rawCall({ prompt: 'sandbox:reset' })
  assert.deepEqual([answer.length, error?.code], [0, 'ECONNRESET'])
})

test('an unknown fault is refused with 400 that lists the known ones', async () => {
  const { status, errors } = await refusalOf(await ask({ prompt: 'sandbox:explode' }))
  assert.equal(status, 400)
  assert.match(errors[0] ?? '', /^prompt: .*explode/)
  const known = '400 402 403 422 429 500 502 503 busy filtered slow truncated reset silent'.split(' ')
  assert.deepEqual([...faultNames].sort(), known.sort())
  for (const name of known) assert.ok(errors[0]?.includes(name), name)
})

const here = JSON.stringify(new URL('../../src/upstream/sandbox.ts', import.meta.url))
const call = `const call = async (prompt, key) => {
  const body = new FormData()
  body.append('prompt', prompt)
  const headers = { authorization: 'Bearer ' + key }
  const ways = { method: 'POST', body, headers }
  return fetch(sandbox.origin + '${corePath}', ways).then((answer) => answer.status, () => 'cut')
}`

test('close() ends silent, slow and painting calls at once and leaves nothing behind', async () => {
  const script = `import { openSandbox } from ${here}
    const sandbox = await openSandbox({ slowMs: 3_600_000 })
    ${call}
    const open = ['sandbox:silent', 'sandbox:slow'].map((prompt) => call(prompt, 'sk'))
    await call('a picture, so that the others have arrived', 'sk')
    open.push(call('a picture being painted', 'sk'))
    await sandbox.close()
    console.log(...(await Promise.all(open)).slice(0, 2), await call('too late', 'sk'))`
  assert.deepEqual(await runAlone(script), { code: 0, said: 'cut cut cut\n' })
})

test('the sandbox itself says nothing, whatever it is sent', async () => {
  const script = `import { openSandbox } from ${here}
    const sandbox = await openSandbox({ token: 'sk-quiet' })
    ${call}
    for (const prompt of ['a cat', 'sandbox:500', 'sandbox:reset']) await call(prompt, 'sk-quiet')
    await call('a cat', 'sk-loud')
    await sandbox.close()`
  assert.deepEqual(await runAlone(script), { code: 0, said: '' })
})
