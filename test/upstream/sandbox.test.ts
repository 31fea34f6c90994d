import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { loadImage } from '@napi-rs/canvas'
import { openSandbox } from '../../src/upstream/sandbox.ts'
import { formats, ratios } from '../../src/upstream/sandbox-form.ts'
import { bytesOf, type Fields, formOf, magic, post, refusalOf } from './sandbox-calls.ts'

const sandbox = await openSandbox({ token: 'sk-good' })
after(() => sandbox.close())

const ask = (fields: Fields, headers: Fields = {}) => post(sandbox.origin, formOf(fields), headers)

for (const format of formats) {
  test(`a picture asked for as ${format} is one, with finish reason, seed and request id in the head`, async () => {
    const answer = await ask({ prompt: 'a red fox', seed: '42', output_format: format }, { accept: 'image/*' })
    assert.equal(answer.status, 200)
    assert.equal(answer.headers.get('content-type'), `image/${format}`)
    assert.equal(answer.headers.get('finish-reason'), 'SUCCESS')
    assert.equal(answer.headers.get('seed'), '42')
    assert.match(answer.headers.get('x-request-id') ?? '', /^[0-9a-f]{32}$/)
    const bytes = await bytesOf(answer)
    assert.match(bytes.toString('hex', 0, 12), magic[format])
    const { width, height } = await loadImage(bytes)
    assert.deepEqual([width, height], [1216, 1216])
  })

  test(`the JSON form carries the same ${format} as base64`, async () => {
    const fields = { prompt: 'a red fox', seed: '42', output_format: format }
    const answer = await ask(fields, { accept: 'application/json' })
    assert.equal(answer.headers.get('content-type'), `application/json; type=image/${format}`)
    assert.equal(answer.headers.get('finish-reason'), null)
    assert.equal(answer.headers.get('seed'), null)
    const { image, ...rest } = JSON.parse(await answer.text())
    assert.deepEqual(rest, { finish_reason: 'SUCCESS', seed: 42 })
    assert.ok(Buffer.from(image, 'base64').equals(await bytesOf(await ask(fields))))
  })
}

for (const ratio of ratios) {
  test(`a picture of ${ratio} has that shape and about 1.5 megapixels`, async () => {
    const answer = await ask({ prompt: 'a harbour', aspect_ratio: ratio })
    const { width, height } = await loadImage(await bytesOf(answer))
    const [across = 0, down = 0] = ratio.split(':').map(Number)
    assert.ok(Math.abs((width * down) / (height * across) - 1) < 0.03, `${width}x${height}`)
    assert.ok(width * height > 1_400_000 && width * height < 1_600_000, `${width}x${height}`)
  })
}

test('the same wish gives the same bytes, in another sandbox too', async () => {
  const fields = { prompt: 'a quiet lake', seed: '7', style_preset: 'anime', negative_prompt: 'fog' }
  const other = await openSandbox()
  const first = await bytesOf(await ask(fields))
  const second = await bytesOf(await post(other.origin, formOf(fields)))
  await other.close()
  assert.ok(first.equals(second))
})

test('another prompt, seed, style or negative prompt gives another picture', async () => {
  const lake = { prompt: 'a quiet lake', seed: '7', style_preset: 'anime', negative_prompt: 'fog' }
  const changes = [
    {},
    { prompt: 'a loud lake' },
    { seed: '8' },
    { style_preset: 'origami' },
    { negative_prompt: 'rain' },
  ]
  const pictures = new Set<string>()
  for (const change of changes) pictures.add((await bytesOf(await ask({ ...lake, ...change }))).toString('base64'))
  assert.equal(pictures.size, changes.length)
})

for (const seed of [undefined, '0']) {
  test(`a seed ${seed ?? 'left out'} is drawn at random and told, and gives that picture again`, async () => {
    const fields = { prompt: 'a kite', ...(seed && { seed }) }
    const answers = [await ask(fields), await ask(fields)]
    const [first, second] = answers.map((answer) => answer.headers.get('seed') ?? '')
    assert.match(first ?? '', /^[1-9]\d*$/)
    assert.notEqual(first, second)
    const again = await ask({ prompt: 'a kite', seed: first ?? '' })
    assert.ok((await bytesOf(again)).equals(await bytesOf(answers[0] ?? again)))
  })
}

test('the longest prompt, one endless word and other scripts give pictures too', async () => {
  const prompts = [
    'a long story. '.repeat(800).slice(0, 10_000),
    'W'.repeat(10_000),
    '\u{1F419}'.repeat(10_000),
    '日本 мир',
  ]
  for (const prompt of prompts) {
    const answer = await ask({ prompt })
    assert.equal(answer.status, 200)
    assert.match((await bytesOf(answer)).toString('hex', 0, 8), magic.png)
  }
})

test('unknown fields and an empty file part named none are ignored', async () => {
  const form = formOf({ prompt: 'a boat', aspectRatio: 'nonsense', style: '' })
  form.append('none', new Blob([]), 'none')
  assert.equal((await post(sandbox.origin, form)).status, 200)
})

test('one 400 lists every fault of a form', async () => {
  const fields = {
    prompt: ' ',
    negative_prompt: 'x'.repeat(10_001),
    aspect_ratio: '7:5',
    seed: '-1',
    style_preset: 'cubist',
    output_format: 'gif',
  }
  const { status, name, errors } = await refusalOf(await ask(fields, { accept: 'text/plain' }))
  assert.deepEqual([status, name], [400, 'bad_request'])
  const named = errors.map((line) => line.split(':')[0])
  assert.deepEqual(named, ['accept', ...Object.keys(fields)])
})

const wrongForms: [string, Fields, RegExp][] = [
  ['no prompt', {}, /^prompt: is required$/],
  ['an empty prompt', { prompt: '' }, /^prompt: cannot be blank$/],
  ['a prompt of 10,001 characters', { prompt: 'x'.repeat(10_001) }, /^prompt: must be at most 10000/],
  ['a seed past the largest', { prompt: 'a', seed: '4294967295' }, /^seed: /],
  ['a seed that is no whole number', { prompt: 'a', seed: '1.5' }, /^seed: /],
  ['a seed that is no number', { prompt: 'a', seed: 'lucky' }, /^seed: /],
  ['an empty seed', { prompt: 'a', seed: '' }, /^seed: /],
  ['a wrong ratio', { prompt: 'a', aspect_ratio: '1:2' }, /^aspect_ratio: must be one of 21:9, /],
  ['a wrong style', { prompt: 'a', style_preset: '' }, /^style_preset: must be one of 3d-model, /],
  ['a wrong format', { prompt: 'a', output_format: 'PNG' }, /^output_format: must be one of png, jpeg, webp$/],
]
for (const [what, fields, line] of wrongForms) {
  test(`${what} is refused with 400`, async () => {
    const answer = await ask(fields)
    const { status, id, name, errors } = await refusalOf(answer)
    assert.deepEqual([status, name, errors.length], [400, 'bad_request', 1])
    assert.match(errors[0] ?? '', line)
    assert.equal(answer.headers.get('x-request-id'), id)
  })
}

test('the largest seed is taken', async () => {
  assert.equal((await ask({ prompt: 'a', seed: '4294967294' })).headers.get('seed'), '4294967294')
})

test('a field sent twice is refused', async () => {
  const form = formOf({ prompt: 'a cat' })
  form.append('prompt', 'a dog')
  assert.deepEqual((await refusalOf(await post(sandbox.origin, form))).errors, ['prompt: must be sent once'])
})

for (const type of ['application/json', 'application/x-www-form-urlencoded', 'multipart/mixed; boundary=x', 'junk']) {
  test(`a body sent as ${type} is refused with 400 as the vendor does`, async () => {
    const { status, errors } = await refusalOf(await post(sandbox.origin, '{"prompt":"a"}', { 'content-type': type }))
    assert.deepEqual([status, errors], [400, ['content-type: must be multipart/form-data']])
  })
}

const brokenForms = {
  'has no closing boundary': '--x\r\ncontent-disposition: form-data; name="prompt"\r\n\r\na',
  'is empty': '',
  'has a thousand parts': `${'--x\r\ncontent-disposition: form-data; name="a"\r\n\r\na\r\n'.repeat(1000)}--x--\r\n`,
}
for (const [what, body] of Object.entries(brokenForms)) {
  test(`a form that ${what} is refused with 400`, async () => {
    const type = { 'content-type': 'multipart/form-data; boundary=x' }
    assert.equal((await refusalOf(await post(sandbox.origin, body, type))).status, 400)
  })
}

test('a body over 10 MiB is refused with 413', async () => {
  const { status, name } = await refusalOf(await ask({ prompt: 'x'.repeat(10 * 1024 * 1024) }))
  assert.deepEqual([status, name], [413, 'payload_too_large'])
})

test('a stranger gets 401 at every path, and the answer repeats nothing', async () => {
  for (const authorization of ['', 'sk-good', 'Bearer', 'Bearer sk-wrong', 'Basic sk-good']) {
    const answers = [await ask({ prompt: 'a' }, { authorization })]
    for (const place of ['/v1/user/balance', '/nowhere']) {
      answers.push(await fetch(sandbox.origin + place, { headers: { authorization } }))
    }
    for (const answer of answers) {
      const { status, name, errors } = await refusalOf(answer)
      assert.deepEqual([status, name], [401, 'unauthorized'])
      assert.deepEqual(errors, ['authorization: invalid or missing header value'])
    }
  }
})

test('without a token of its own the sandbox takes any bearer, but not none', async () => {
  const open = await openSandbox()
  const balance = (authorization: string) => fetch(`${open.origin}/v1/user/balance`, { headers: { authorization } })
  const statuses = [(await balance('Bearer whatever')).status, (await balance('')).status]
  await open.close()
  assert.deepEqual(statuses, [200, 401])
})

for (const place of ['/v2beta/nothing', '/%zz']) {
  test(`the unknown path ${place} is 404 in the same shape`, async () => {
    const answer = await fetch(sandbox.origin + place, { headers: { authorization: 'Bearer sk-good' } })
    const { status, name } = await refusalOf(answer)
    assert.deepEqual([status, name], [404, 'not_found'])
  })
}

test('the balance is a number that falls by the price of each picture', async () => {
  const own = await openSandbox()
  const headers = { authorization: 'Bearer any' }
  const balance = async () => JSON.parse(await (await fetch(`${own.origin}/v1/user/balance`, { headers })).text())
  const first = await balance()
  await bytesOf(await post(own.origin, formOf({ prompt: 'a coin' })))
  await bytesOf(await post(own.origin, formOf({ prompt: 'sandbox:500' })))
  const second = await balance()
  await own.close()
  assert.deepEqual(second, { credits: first.credits - 3 })
})
