import assert from 'node:assert/strict'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import multipart, { type Multipart } from '@fastify/multipart'
import fc from 'fast-check'
import Fastify from 'fastify'
import * as undici from 'undici'
import type { Part } from '../../src/catalog/offer.ts'
import { Problem } from '../../src/errors.ts'
import { openOddParts } from '../../src/gateway/odd-parts.ts'
import { boundaryOf, readParts } from '../../src/gateway/parts.ts'

type Field = { name: string; filename: string | undefined; type: string | undefined; value: Buffer }
type Reading = [name: string, filename: string | null, type: string, base64: string]

const plugin = Fastify()
const sender = new undici.Agent()
let odd: Awaited<ReturnType<typeof openOddParts>>

before(async () => {
  odd = await openOddParts()
  await plugin.register(multipart)
  plugin.post('/plain', async (request) => read(request.parts()))
  plugin.post('/raw', async (request) => read(request.parts({ isPartAFile: () => true })))
  await plugin.listen({ port: 0, host: '127.0.0.1' })
})

after(async () => {
  await sender.close()
  await plugin.close()
  await odd.close()
})

async function read(parts: AsyncIterable<Multipart>): Promise<Reading[]> {
  const readings: Reading[] = []
  for await (const part of parts) {
    const value = part.type === 'file' ? await part.toBuffer() : Buffer.from(String(part.value))
    const filename = part.type === 'file' ? (part.filename ?? null) : null
    // RFC 9110 section 5.5: white space around a header value is no part of it.
    readings.push([part.fieldname, filename, part.mimetype.trim(), value.toString('base64')])
  }
  return readings
}

async function pluginReads(path: '/plain' | '/raw', bytes: Buffer, contentType: string): Promise<unknown> {
  const { port } = plugin.server.address() as AddressInfo
  const reply = await undici.request(`http://127.0.0.1:${port}${path}`, {
    method: 'POST',
    dispatcher: sender,
    headers: { 'content-type': contentType },
    body: bytes,
  })
  return reply.body.json()
}

function readingOf(bytes: Buffer, { name, filename, type, start, end }: Part): Reading {
  const mediaType = (type ?? 'text/plain').replace(/;.*/, '').trim().toLowerCase()
  return [name, filename ?? null, mediaType, bytes.subarray(start, end).toString('base64')]
}

function fieldsOf(bytes: Buffer, parts: readonly Part[]): Field[] {
  return parts.map(({ start, end, ...names }) => ({ ...names, value: Buffer.from(bytes.subarray(start, end)) }))
}

async function neverOdd(): Promise<never> {
  throw new Error('This form is common and was handed to the second reader.')
}

/** What the strict scan alone accepts; undefined if it refuses, or wants the second reader. */
function scanned(bytes: Buffer, contentType: string): readonly Part[] | undefined {
  const parts = outcomeOf(() => readParts(bytes, contentType, async () => []))
  return parts instanceof Promise || parts instanceof Problem ? undefined : parts
}

function outcomeOf<T>(act: () => T): T | Problem {
  try {
    return act()
  } catch (error) {
    return badRequest(error)
  }
}

function badRequest(error: unknown): Problem {
  assert.ok(error instanceof Problem, `not a Problem: ${error}`)
  assert.equal(error.code, 'bad_request')
  assert.equal(error.status, 400)
  return error
}

const boundaries = fc
  .tuple(
    fc.string({ unit: fc.constantFrom(..."0123456789abcXYZ'()+_,-./:=? "), maxLength: 69 }),
    fc.constantFrom(..."09azAZ'()+_,-./:=?"),
  )
  .map((pieces) => pieces.join(''))
const names = fc
  .oneof(
    fc.constantFrom('prompt', 'seed', 'aspectRatio', 'none', 'api_key_override', '', 'a;b', 'a=b, c', "it's", 'größe'),
    fc.string({ unit: 'grapheme', maxLength: 12 }),
  )
  .filter((name) => !/["\\%]/.test(name) && !(name in Object.prototype))
const filenames = fc
  .oneof(fc.constantFrom('', 'none', 'a.png', 'ein Bild.webp', '画像.jpeg', 'x;y="z'), fc.string({ maxLength: 12 }))
  .filter((name) => !/["\\%/]/.test(name) && name !== '.' && name !== '..')
const types = fc.constantFrom('image/png', 'text/plain', 'text/plain; charset=utf-8', 'application/octet-stream')
const texts = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.string({ unit: fc.constantFrom('\r', '\n', '\r\n', '-', '--', ' ', 'x', 'é'), maxLength: 20 }),
)
const oddTypes = fc.constantFrom(
  ...['application/json', 'text/plain; format=flowed', 'text/html;charset="latin1"', 'text/plain; charset=us-ascii'],
  ...['text/plain; charset=utf-16le', 'x', 'image/png '],
)
const namedFiles = filenames.filter((name) => name !== '')

function formsOf(types: fc.Arbitrary<string>): fc.Arbitrary<Field[]> {
  const type = fc.option(types, { nil: undefined })
  const text = fc
    .tuple(names, type, texts)
    .map(([name, type, text]): Field => ({ name, filename: undefined, type, value: Buffer.from(text) }))
  const file = fc
    .tuple(names, namedFiles, type, fc.uint8Array({ maxLength: 60 }))
    .map(([name, filename, type, bytes]): Field => ({ name, filename, type, value: Buffer.from(bytes) }))
  return fc.array(fc.oneof(text, file), { minLength: 1, maxLength: 5 })
}

function render(fields: readonly Field[], boundary: string): Buffer {
  const parts = fields.map(({ name, filename, type, value }) => {
    const file = filename === undefined ? '' : `; filename="${filename}"`
    const kind = type === undefined ? '' : `Content-Type: ${type}\r\n`
    const head = `--${boundary}\r\nContent-Disposition: form-data; name="${name}"${file}\r\n${kind}\r\n`
    return Buffer.concat([Buffer.from(head), value, Buffer.from('\r\n')])
  })
  return Buffer.concat([...parts, Buffer.from(`--${boundary}--\r\n`)])
}

function isSafe(fields: readonly Field[], boundary: string): boolean {
  return fields.every(
    ({ value }) => !new RegExp(`(?:^|[\r\n])--${RegExp.escape(boundary)}`).test(value.toString('latin1')),
  )
}

/** Mostly the usual thing, so that most bodies have one oddity and not five. */
function usually<T>(usual: T, rarely: fc.Arbitrary<T>): fc.Arbitrary<T> {
  return fc.oneof({ weight: 4, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: rarely })
}

type Disposition = (name: string, filename: string) => string
const plainDisposition: Disposition = (name) => `Content-Disposition: form-data; name="${name}"`
const fileDisposition: Disposition = (name, filename) => `${plainDisposition(name, filename)}; filename="${filename}"`
const dispositions = fc.constantFrom<Disposition>(
  (name, filename) => `content-disposition:form-data;name="${name}";filename="${filename}"`,
  (name, filename) => `CONTENT-DISPOSITION:  Form-Data ; FileName="${filename}" ; NAME="${name}" `,
  (_name, filename) => `Content-Disposition: form-data; name=prompt; filename=${filename}`,
  (name) => `Content-Disposition: form-data; name=${name}`,
  (name) => `Content-Disposition: form-data;\r\n name="${name}"`,
  (name) => `Content-Disposition: form-data; name="a\\"${name}"; filename="C:\\x\\y%20z.png"`,
  (name) => `Content-Disposition: form-data; name="${name}"; filename=x; filename*=utf-8''na%C3%AFve.png; size=3`,
  (name) => `Content-Disposition: form-data; name="${name}"; name="prompt"`,
  (name) => `Content-Disposition: attachment; name="${name}"`,
  () => 'Content-Disposition: form-data',
)
const lines = fc.constantFrom(
  ...['Content-Type: application/json', 'Content-Type: application/octet-stream', 'content-type:image/png '],
  ...['Content-Type: text/plain; charset="ISO-8859-1"', 'Content-Type: text/plain; charset=us-ascii', 'Content-Type: '],
  ...['CONTENT-TYPE: text/plain; charset=utf-16le', 'Content-Type: multipart/mixed; boundary=y', 'Content-Type: x'],
  ...['Content-Type: text/plain; format=flowed', 'Content-Type: Text/HTML;\r\n\tcharset=utf-8'],
  ...['Content-Transfer-Encoding: binary', 'Content-Transfer-Encoding: base64', 'Content-Length: 3'],
  ...['Content-Encoding: gzip', 'Content-ID: <a@b>', 'X-Note: one\r\n two', 'no colon here', ' leading: space'],
)
const oddFilenames = fc.oneof(filenames, fc.constantFrom('.', '..', '/', 'a/b.png', 'C:\\a.png', '50%'))
const someDisposition = fc.oneof(fc.constantFrom(plainDisposition, fileDisposition), dispositions)
const oddParts = fc
  .tuple(someDisposition, names, oddFilenames, fc.array(lines, { maxLength: 2 }), texts)
  .map(([disposition, name, filename, more, text]) => [disposition(name, filename), ...more, '', text].join('\r\n'))
const oddForms = fc
  .record({
    parts: fc.array(oddParts, { maxLength: 3 }),
    before: usually('', fc.constantFrom('\r\n', 'preamble\r\n', '--\r\n', '\n')),
    pad: usually('', fc.constantFrom(' ', '\t', 'x', '-')),
    after: usually('\r\n', fc.constantFrom('', ' \r\n', '\r\nepilogue', '\n', 'x')),
  })
  .map(({ parts, before, pad, after }) => {
    const text = parts.map((part) => `--BOUNDARY${pad}\r\n${part}\r\n`).join('')
    return Buffer.from(`${before}${text}--BOUNDARY--${after}`)
  })
const commonForms = formsOf(fc.oneof(types, oddTypes)).map((fields) => render(fields, 'BOUNDARY'))
const puts = [
  ...`A " ' \\ ; : %22 * = -- \xff --BOUNDARY`.split(' '),
  ...['', ' ', '\t', '\0', '\r', '\n', '\r\n', '\r\n\r\n', '; name="seed"', '\n--BOUNDARY'],
  ...['\r\n--BOUNDARY', '\r\n--BOUNDARY--', '\r\n--BOUNDARY\r\n'],
]
const edit = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  cut: fc.constantFrom(0, 0, 1, 2, 7),
  put: fc.constantFrom(...puts),
})
const edits = fc.oneof(fc.constant([]), fc.array(edit, { minLength: 1, maxLength: 3 }))

/** Bodies in every shape the readers know, about half of them broken by a few edits. */
const bodies = fc.tuple(boundaries, fc.oneof(oddForms, commonForms), edits).map(([boundary, whole, changes]) => {
  let text = whole.toString('latin1')
  for (const { at, cut, put } of changes) {
    const place = Math.floor(at * text.length)
    text = text.slice(0, place) + put + text.slice(place + cut)
  }
  const bytes = Buffer.from(text.replaceAll('BOUNDARY', boundary), 'latin1')
  return { bytes, contentType: `multipart/form-data; boundary="${boundary}"` }
})

test('what the strict scan accepts, @fastify/multipart reads the same, plainly and as bytes', async () => {
  let accepted = 0
  const same = fc.asyncProperty(bodies, async ({ bytes, contentType }) => {
    const parts = scanned(bytes, contentType)
    if (!parts) return
    accepted += 1
    const expected = parts.map((part) => readingOf(bytes, part))
    assert.deepEqual(await pluginReads('/plain', bytes, contentType), expected)
    assert.deepEqual(await pluginReads('/raw', bytes, contentType), expected)
  })
  await fc.assert(same, { numRuns: 1000 })
  assert.ok(accepted > 100, `only ${accepted} bodies were accepted`)
})

test('the strict scan and the second reader agree wherever the scan accepts', async () => {
  const agree = fc.asyncProperty(bodies, async ({ bytes, contentType }) => {
    const parts = scanned(bytes, contentType)
    if (parts) assert.deepEqual(await odd.readOdd(bytes, contentType), parts)
  })
  await fc.assert(agree, { numRuns: 500 })
})

test('a form in any legal boundary is accepted by the scan alone, with its values', () => {
  const kept = fc.property(boundaries, formsOf(types), fc.constantFrom('', '\r\n'), (boundary, fields, before) => {
    fc.pre(isSafe(fields, boundary))
    const bytes = Buffer.concat([Buffer.from(before), render(fields, boundary)])
    const parts = readParts(bytes, `multipart/form-data; boundary="${boundary}"`, neverOdd)
    assert.ok(!(parts instanceof Promise))
    assert.deepEqual(fieldsOf(bytes, parts), fields)
  })
  fc.assert(kept, { numRuns: 1000 })
})

for (const [maker, Form, Wrapper] of [
  ['Node', FormData, Response],
  ['undici', undici.FormData, undici.Response],
] as const) {
  test(`every FormData that ${maker} writes is accepted with its values`, async () => {
    const written = fc.asyncProperty(formDataEntries, async (entries) => {
      const form = new Form()
      for (const [name, value] of entries) form.append(name, value)
      const response = new Wrapper(form)
      const bytes = Buffer.from(await response.arrayBuffer())
      const parts = await readParts(bytes, response.headers.get('content-type') ?? '', odd.readOdd)
      assert.deepEqual(fieldsOf(bytes, parts), await Promise.all(entries.map(writtenField)))
    })
    await fc.assert(written, { numRuns: 200 })
  })
}

// A backslash in a name means one thing to browsers and another to RFC 822; the example tests show which are refused.
const formDataNames = fc
  .string({ unit: 'grapheme', maxLength: 20 })
  .filter((name) => !name.includes('\\') && !(name in Object.prototype))
// A file without a name is written as a text field, which has to be UTF-8.
const files = fc
  .tuple(
    fc.uint8Array({ maxLength: 50 }),
    formDataNames.filter((name) => name !== ''),
    fc.constantFrom('', 'image/png', 'text/plain;charset=utf-8'),
  )
  .map(([bytes, name, type]) => new File([bytes], name, { type }))
const formDataEntries = fc.array(fc.tuple(formDataNames, fc.oneof(fc.string({ unit: 'binary' }), texts, files)), {
  minLength: 1,
  maxLength: 6,
})

/** WHATWG HTML, "multipart/form-data encoding algorithm". */
async function writtenField([name, value]: [string, string | File]): Promise<Field> {
  const escaped = (text: string) => text.replaceAll('"', '%22')
  if (typeof value === 'string') {
    const bytes = Buffer.from(value.replace(/\r\n|\r|\n/g, '\r\n'))
    return { name: escaped(name), filename: undefined, type: undefined, value: bytes }
  }
  const type = value.type || 'application/octet-stream'
  return { name: escaped(name), filename: escaped(value.name), type, value: Buffer.from(await value.arrayBuffer()) }
}

test('any bytes and any content-type give parts or a bad_request, and nothing else', async () => {
  const anyBody = fc.record({
    bytes: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    contentType: fc.oneof(fc.string(), fc.constant('multipart/form-data; boundary=x')),
  })
  const total = fc.asyncProperty(
    fc.oneof({ weight: 4, arbitrary: bodies }, anyBody),
    async ({ bytes, contentType }) => {
      const outcome = outcomeOf(() => readParts(bytes, contentType, odd.readOdd))
      const parts = outcome instanceof Promise ? await outcome.catch(badRequest) : outcome
      if (parts instanceof Problem) return
      for (const { start, end } of parts) assert.ok(0 < start && start <= end && end <= bytes.length)
      const direct = await odd.readOdd(bytes, contentType)
      assert.deepEqual(direct, parts)
    },
  )
  await fc.assert(total, { numRuns: 1500 })
})

test('whatever boundary is read from a content-type, @fastify/multipart reads the same one', async () => {
  const pieces = fc.constantFrom(
    ...['; ', ';', ' ', '\t', 'boundary=', 'Boundary=', 'boundary="', '"', 'abc', '=', ',', "'", '\\', 'charset=utf-8'],
    ...['x="y"', "x*=utf-8''y", ';;', '--', '?', '*'],
  )
  const contentTypes = fc
    .tuple(
      fc.constantFrom('', '; boundary=abc', '; boundary="a b"', '; boundary=x=y'),
      fc.array(pieces, { maxLength: 6 }),
    )
    .map(([first, rest]) => `multipart/form-data${first}${rest.join('')}`)
  const same = fc.asyncProperty(contentTypes, async (contentType) => {
    const boundary = outcomeOf(() => boundaryOf(contentType))
    if (boundary instanceof Problem) return
    const payload = `--${boundary}\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n--${boundary}--\r\n`
    const headers = { 'content-type': contentType }
    const reply = await plugin.inject({ method: 'POST', url: '/plain', headers, payload })
    assert.deepEqual(reply.json(), [['a', null, 'text/plain', Buffer.from('b').toString('base64')]])
  })
  await fc.assert(same, { numRuns: 1000 })
})
