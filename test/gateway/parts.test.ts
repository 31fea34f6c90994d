import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Part } from '../../src/catalog/offer.ts'
import { Problem } from '../../src/errors.ts'
import { openOddParts } from '../../src/gateway/odd-parts.ts'
import { boundaryOf, readParts } from '../../src/gateway/parts.ts'

const contentType = 'multipart/form-data; boundary=xyz'
const promptHead = 'Content-Disposition: form-data; name="prompt"'
const fileHead = 'Content-Disposition: form-data; name="image"; filename="a.png"'

let odd: Awaited<ReturnType<typeof openOddParts>>

before(async () => {
  odd = await openOddParts()
})
after(() => odd.close())

function part(head: string, value: string | Buffer = 'a cat'): Buffer {
  return Buffer.concat([Buffer.from(`--xyz\r\n${head}\r\n\r\n`), Buffer.from(value), Buffer.from('\r\n')])
}

function form(...parts: readonly Buffer[]): Buffer {
  return Buffer.concat([...parts, Buffer.from('--xyz--\r\n')])
}

async function neverOdd(): Promise<never> {
  throw new Error('This form is common and was handed to the second reader.')
}

function values(bytes: Buffer, parts: readonly Part[]) {
  return parts.map(({ name, filename, type, start, end }) =>
    [name, bytes.toString('utf8', start, end), filename, type].filter((word) => word !== undefined),
  )
}

function readCommon(bytes: Buffer, type = contentType) {
  const parts = readParts(bytes, type, neverOdd)
  assert.ok(!(parts instanceof Promise))
  return values(bytes, parts)
}

/** Reads a body that must need the second reader, with the second reader. */
async function readOdd(bytes: Buffer, type = contentType) {
  const parts = readParts(bytes, type, odd.readOdd)
  assert.ok(parts instanceof Promise)
  return values(bytes, await parts)
}

function badRequest(error: unknown): boolean {
  return error instanceof Problem && error.code === 'bad_request' && error.status === 400 && error.message.length > 20
}

test('a form is read without copying: each part says where its value stands in the bytes', () => {
  const bytes = form(part(promptHead), part(fileHead, Buffer.from([0, 255, 13, 10])))
  const parts = readParts(bytes, contentType, neverOdd)
  assert.ok(!(parts instanceof Promise))
  assert.deepEqual(parts[0], { name: 'prompt', filename: undefined, type: undefined, start: 56, end: 61 })
  const image = parts[1]
  assert.deepEqual(image && [...bytes.subarray(image.start, image.end)], [0, 255, 13, 10])
})

const accepted: [promise: string, bytes: Buffer, expected: unknown[]][] = [
  [
    'the empty file part named none of the vendor sample',
    form(part(promptHead), part('Content-Disposition: form-data; name="none"; filename="none"', '')),
    [
      ['prompt', 'a cat'],
      ['none', '', 'none'],
    ],
  ],
  [
    'an option sent twice, in snake and in camel case',
    form(
      part('Content-Disposition: form-data; name="aspect_ratio"', '16:9'),
      part('Content-Disposition: form-data; name="aspectRatio"', '16:9'),
    ),
    [
      ['aspect_ratio', '16:9'],
      ['aspectRatio', '16:9'],
    ],
  ],
  [
    'a part named api_key_override',
    form(part('Content-Disposition: form-data; name="api_key_override"', 'sk-secret')),
    [['api_key_override', 'sk-secret']],
  ],
  ['a prompt that is not ASCII', form(part(promptHead, 'Größe 日本 🐈')), [['prompt', 'Größe 日本 🐈']]],
  [
    'a name and a file name that are not ASCII',
    form(part('Content-Disposition: form-data; name="größe"; filename="画像.png"', '1')),
    [['größe', '1', '画像.png']],
  ],
  ['an empty value', form(part(promptHead, '')), [['prompt', '']]],
  [
    'the same name twice, which is for the caller to judge',
    form(part(promptHead, 'a'), part(promptHead, 'b')),
    [
      ['prompt', 'a'],
      ['prompt', 'b'],
    ],
  ],
  [
    'bare tokens, as .NET writes them',
    form(part('Content-Type: text/plain; charset=utf-8\r\nContent-Disposition: form-data; name=prompt')),
    [['prompt', 'a cat', 'text/plain; charset=utf-8']],
  ],
  [
    'lower-case header names, as Dart writes them',
    form(part(`content-disposition: form-data; name="prompt"\r\ncontent-transfer-encoding: binary`)),
    [['prompt', 'a cat']],
  ],
  [
    'the length OkHttp adds and the encoding Apache adds',
    form(
      part(
        `${promptHead}\r\nContent-Type: text/plain; charset=ISO-8859-1\r\nContent-Transfer-Encoding: 8bit\r\nContent-Length: 5`,
      ),
    ),
    [['prompt', 'a cat', 'text/plain; charset=ISO-8859-1']],
  ],
  [
    'white space around header values',
    form(part('Content-Disposition: \tform-data; name="prompt"  \r\nContent-Type:text/plain \t')),
    [['prompt', 'a cat', 'text/plain']],
  ],
  [
    'a body that begins with the CRLF of its first boundary',
    Buffer.concat([Buffer.from('\r\n'), form(part(promptHead))]),
    [['prompt', 'a cat']],
  ],
  ['a body without a CRLF at its very end', form(part(promptHead)).subarray(0, -2), [['prompt', 'a cat']]],
  ['the boundary in the middle of a line', form(part(promptHead, 'a --xyz cat')), [['prompt', 'a --xyz cat']]],
  ['line ends and dashes in a value', form(part(promptHead, '\r\n--xy\r\n\n--\r')), [['prompt', '\r\n--xy\r\n\n--\r']]],
  ['64 parts', form(...Array.from({ length: 64 }, () => part(promptHead))), Array(64).fill(['prompt', 'a cat'])],
]
for (const [promise, bytes, expected] of accepted) {
  test(`${promise}: the strict scan reads it, and the second reader reads the same`, async () => {
    assert.deepEqual(readCommon(bytes), expected)
    assert.deepEqual(values(bytes, await odd.readOdd(bytes, contentType)), expected)
  })
}

for (const [client, boundary] of [
  ['curl', '------------------------d74496d66958873e'],
  ['undici', '----formdata-undici-031287940183'],
  ['axios and form-data', '--------------------------591283471238971239847123'],
  ['Python requests', '2ba6f8b6f3b44b8c9c2f5d3a6a1b7c8d'],
  ['a browser', '----WebKitFormBoundary7MA4YWxkTrZu0gW'],
  ['a mail library', '===============7330845974216740156=='],
  ['nobody, but legal', "'()+_,-./:=?"],
  ['nobody, but as long as allowed', '-'.repeat(70)],
] as const) {
  test(`the boundary of ${client} is read, bare and quoted, and delimits its form`, () => {
    for (const type of [`multipart/form-data; boundary=${boundary}`, `Multipart/Form-Data;BOUNDARY="${boundary}"`]) {
      assert.equal(boundaryOf(type), boundary)
      const bytes = Buffer.from(`--${boundary}\r\n${promptHead}\r\n\r\na cat\r\n--${boundary}--\r\n`)
      assert.deepEqual(readCommon(bytes, type), [['prompt', 'a cat']])
    }
  })
}

test('other parameters of the content-type are tolerated', () => {
  assert.equal(boundaryOf('multipart/form-data; charset=utf-8; boundary=xyz; x="y"'), 'xyz')
  assert.equal(boundaryOf('multipart/form-data ; boundary="x y";'), 'x y')
})

for (const [fault, type] of [
  ['is empty', ''],
  ['is another', 'application/json'],
  ['is another kind of multipart', 'multipart/mixed; boundary=xyz'],
  ['names no boundary', 'multipart/form-data'],
  ['names only an encoded boundary', "multipart/form-data; boundary*=utf-8''xyz"],
  ['names an empty boundary', 'multipart/form-data; boundary='],
  ['names an empty boundary in quotes', 'multipart/form-data; boundary=""'],
  ['names a boundary over 70 characters', `multipart/form-data; boundary=${'x'.repeat(71)}`],
  ['names a boundary with a character no boundary may hold', 'multipart/form-data; boundary="x@z"'],
  ['names a boundary that is not ASCII', 'multipart/form-data; boundary=xüz'],
  ['names a boundary that ends with a space', 'multipart/form-data; boundary="xyz "'],
  ['names a boundary with a backslash', 'multipart/form-data; boundary="x\\yz"'],
  ['names a boundary that is not closed', 'multipart/form-data; boundary="xyz'],
  ['names a boundary with a bare space', 'multipart/form-data; boundary=x yz'],
  ['names two boundaries', 'multipart/form-data; boundary=xyz; boundary=abc'],
  ['hides a second boundary in another parameter', 'multipart/form-data; x="; boundary=abc"; boundary=xyz'],
] as const) {
  test(`a content-type that ${fault} is refused`, () => {
    assert.throws(() => boundaryOf(type), badRequest)
  })
}

const good = part(promptHead)
const refused: [fault: string, bytes: Buffer][] = [
  ['is empty', Buffer.alloc(0)],
  ['holds no boundary', Buffer.from('prompt=a+cat')],
  ['has no closing boundary', good],
  ['ends within its closing boundary', form(good).subarray(0, -3)],
  ['ends within a value', form(good).subarray(0, 60)],
  ['has lines that end with LF only', Buffer.from(form(good).toString().replaceAll('\r\n', '\n'))],
  ['has lines that end with CR only', Buffer.from(form(good).toString().replaceAll('\r\n', '\r'))],
  ['hides a boundary behind a bare LF', form(part(promptHead, `a\n--xyz\r\n${fileHead}\r\n\r\nb`))],
  ['hides a boundary behind a bare CR', form(part(promptHead, `a\r--xyz\r\n${fileHead}\r\n\r\nb`))],
  ['holds a line that begins like a boundary', form(part(promptHead, 'a\r\n--xyzabc\r\nb'))],
  ['holds a boundary with headers on its line', form(Buffer.from(`--xyz: ${promptHead}\r\n\r\na cat\r\n`))],
  ['holds a line that begins like its closing boundary', Buffer.from(`${good}--xyz--abc\r\n`)],
  ['goes on with parts after its closing boundary', Buffer.concat([form(good), form(good)])],
  ['has 65 parts', form(...Array.from({ length: 65 }, () => good))],
  ['has boundaries with nothing between them', form(Buffer.from('--xyz\r\n'), good)],
  ['has a part without headers', form(part('').subarray(0, -2), good)],
  ['has a part whose headers do not end', form(Buffer.from(`--xyz\r\n${promptHead}\r\n`))],
  ['has a value that shares its CRLF with the blank line', form(Buffer.from(`--xyz\r\n${promptHead}\r\n\r\n`))],
  ['has part headers over 16 KiB', form(part(`${promptHead}\r\nX-Note: ${'x'.repeat(16 * 1024)}`))],
  ['has a part with 101 header lines', form(part(`${promptHead}${'\r\nX: 1'.repeat(100)}`))],
  ['has a part with 101 parameters', form(part(`${promptHead}${';'.repeat(100)}`))],
  ['has a part without a content-disposition', form(part('Content-Type: text/plain'))],
  ['has a part that is not form-data', form(part('Content-Disposition: attachment; name="prompt"'))],
  ['has a part without a name', form(part('Content-Disposition: form-data'))],
  ['has a part with a file name only', form(part('Content-Disposition: form-data; filename="a.png"'))],
  ['has a part with an empty bare name', form(part('Content-Disposition: form-data; name='))],
  ['has a part with two names', form(part('Content-Disposition: form-data; name="a"; name="prompt"'))],
  ['has a part with an encoded name', form(part("Content-Disposition: form-data; name=a; name*=utf-8''prompt"))],
  ['has a name whose quotes do not close', form(part('Content-Disposition: form-data; name="prompt'))],
  ['has a name that ends with a backslash', form(part('Content-Disposition: form-data; name="prompt\\"'))],
  ['has a name with a needless backslash', form(part('Content-Disposition: form-data; name="pro\\mpt"'))],
  ['has words after a quoted name', form(part('Content-Disposition: form-data; name="prompt" x'))],
  ['has a header without a colon', form(part(`${promptHead}\r\nnonsense`))],
  ['has a space before the colon of a header', form(part('Content-Disposition : form-data; name="prompt"'))],
  ['has a NUL in its headers', form(part('Content-Disposition: form-data; name="pro\0mpt"'))],
  ['has a bare CR in its headers', form(part(`${promptHead}\rContent-Type: text/plain`))],
  ['has a bare LF in its headers', form(part(`${promptHead}\nContent-Type: text/plain`))],
  ['has a first header line that is folded', form(part(` ${promptHead}`))],
  ['has a name folded in the middle', form(part('Content-Disposition: form-data; name="pro\r\n mpt"'))],
  ['has a part with two content-dispositions', form(part(`${promptHead}\r\n${fileHead}`))],
  ['has a part with two content-types', form(part(`${promptHead}\r\nContent-Type: a/b\r\ncontent-type: a/c`))],
  ['has a part in base64', form(part(`${promptHead}\r\nContent-Transfer-Encoding: base64`))],
  ['has a part in quoted-printable', form(part(`${promptHead}\r\nContent-Transfer-Encoding: Quoted-Printable`))],
  ['has a compressed part', form(part(`${promptHead}\r\nContent-Encoding: gzip`))],
  ['has a part with a wrong length', form(part(`${promptHead}\r\nContent-Length: 4`))],
  ['has a part that is a form of its own', form(part(`${promptHead}\r\nContent-Type: multipart/mixed; boundary=a`))],
  ['has a text field that is not UTF-8', form(part(promptHead, Buffer.from([0xff, 0xfe])))],
  ['has a text field in UTF-16', form(part(`${promptHead}\r\nContent-Type: text/plain; charset=utf-16`))],
  [
    'has a text field in Latin-1 beyond ASCII',
    form(part(`${promptHead}\r\nContent-Type: text/plain; charset=latin1`, 'é')),
  ],
  [
    'has a name that is not UTF-8',
    Buffer.from(form(part(promptHead.replace('prompt', 'gr\xf6\xdfe'))).toString(), 'latin1'),
  ],
]
for (const [fault, bytes] of refused) {
  test(`a form that ${fault} is refused by both readers`, async () => {
    assert.throws(() => readParts(bytes, contentType, neverOdd), badRequest)
    await assert.rejects(odd.readOdd(bytes, contentType), badRequest)
  })
}

for (const name of Object.getOwnPropertyNames(Object.prototype)) {
  test(`a part named ${name}, which @fastify/multipart refuses, is refused and harms nobody`, async () => {
    const bytes = form(good, part(`Content-Disposition: form-data; name="${name}"`))
    assert.throws(() => readParts(bytes, contentType, neverOdd), badRequest)
    await assert.rejects(odd.readOdd(bytes, contentType), badRequest)
    assert.deepEqual(Object.keys(Object.prototype), [])
  })
}

const prompt = ['prompt', 'a cat']
const oddForms: [what: string, bytes: Buffer, expected: unknown[]][] = [
  ['text before the first boundary', Buffer.concat([Buffer.from('-- This is MIME.\r\n'), form(good)]), [prompt]],
  ['text after the last boundary', Buffer.concat([form(good), Buffer.from('The end.\r\n')]), [prompt]],
  ['spaces after the last boundary', Buffer.concat([good, Buffer.from('--xyz-- \t\r\n')]), [prompt]],
  ['no parts', form(), []],
  ['a header we do not know', form(part(`${promptHead}\r\nX-Note: one`)), [prompt]],
  ['a header we do not know, folded', form(part(`${promptHead}\r\nX-Note: one\r\n two`)), [prompt]],
  ['a header folded between parameters', form(part('Content-Disposition: form-data;\r\n\tname="prompt"')), [prompt]],
  ['a parameter we do not know', form(part(`${promptHead}; size=5`)), [prompt]],
  [
    'an encoded file name, as .NET writes it',
    form(part(`Content-Disposition: form-data; name=image; filename=a.png; filename*=utf-8''%C3%A4.png`)),
    [['image', 'a cat', 'ä.png']],
  ],
  [
    'an escaped quote',
    form(part('Content-Disposition: form-data; name="a \\"b\\""; filename="c\\"d.png"')),
    [['a "b"', 'a cat', 'c"d.png']],
  ],
  ['a percent escape', form(part('Content-Disposition: form-data; name="a%22b"')), [['a%22b', 'a cat']]],
  [
    'a file name that is a directory',
    form(part('Content-Disposition: form-data; name="image"; filename=".."')),
    [['image', 'a cat', '..']],
  ],
  [
    'a file name with slashes',
    form(part('Content-Disposition: form-data; name="image"; filename="img/a.png"')),
    [['image', 'a cat', 'img/a.png']],
  ],
  [
    'a content-type with a parameter we do not know',
    form(part(`${promptHead}\r\nContent-Type: text/plain; format=flowed`)),
    [['prompt', 'a cat', 'text/plain; format=flowed']],
  ],
  [
    'a file name with a path, which is kept whole',
    form(part('Content-Disposition: form-data; name="image"; filename="C:\\img\\a.png"\r\nContent-Type: image/png')),
    [['image', 'a cat', 'C:\\img\\a.png', 'image/png']],
  ],
  [
    'a JSON text, which is kept as bytes',
    form(part(`${promptHead}\r\nContent-Type: application/json`, '{ "a":  1 }')),
    [['prompt', '{ "a":  1 }', 'application/json']],
  ],
]
for (const [what, bytes, expected] of oddForms) {
  test(`a form with ${what} is read by @fastify/multipart`, async () => {
    assert.deepEqual(await readOdd(bytes), expected)
  })
}

test('a form with spaces after an inner boundary is refused, because parsers read it differently', async () => {
  const bytes = Buffer.from(form(good, good).toString().replaceAll('--xyz\r\n', '--xyz \r\n'))
  await assert.rejects(readOdd(bytes), badRequest)
})

test('a broken part is refused at once, although an odd one stands before it', () => {
  const bytes = form(part(`${promptHead}\r\nX-Note: 1`), part('nonsense'))
  assert.throws(() => readParts(bytes, contentType, neverOdd), badRequest)
})

test('a large odd form is read whole, every byte of it', async () => {
  const picture = Buffer.alloc(5_000_000, 'picture\r\n--xy')
  const bytes = form(good, part(fileHead.replace('a.png', 'a%20b.png'), picture))
  const parts = await readParts(bytes, contentType, odd.readOdd)
  const image = parts[1]
  assert.ok(image && bytes.subarray(image.start, image.end).equals(picture))
})

test('odd forms that are read at the same time are not mixed up', async () => {
  const numbers = Array.from({ length: 40 }, (_, number) => String(number))
  const read = await Promise.all(numbers.map((number) => readOdd(form(part(`${promptHead}; size=5`, number)))))
  assert.deepEqual(
    read.map((parts) => parts[0]?.[1]),
    numbers,
  )
})

test('a form made of little but its boundary is refused before it costs time', () => {
  const bytes = Buffer.from(`--x\r\n${promptHead}\r\n\r\n${'_--x'.repeat(2_000)}\r\n--x--\r\n`)
  assert.throws(() => readParts(bytes, 'multipart/form-data; boundary=x', neverOdd), badRequest)
})
