import { isAscii, isUtf8 } from 'node:buffer'
import type { Part } from '../catalog/offer.ts'
import { Problem } from '../errors.ts'

/** The second reader, for bodies that are well-formed but rare. Rejects with a `bad_request` Problem. */
export type ReadOdd = (bytes: Buffer, contentType: string) => Promise<readonly Part[]>

/** `odd` says that the body is well-formed, but that a second reader must agree before anyone relies on `parts`. */
type Scan = { readonly parts: readonly Part[]; readonly odd: boolean }

type Parameter = { readonly key: string; readonly value: string; readonly quoted: boolean }
type Read<T> = T & { readonly odd: boolean }
type Names = Pick<Part, 'name' | 'filename'>
type Head = Read<Omit<Part, 'start' | 'end'> & { readonly charset: string | undefined }>

const mostParts = 64
const mostHeaderBytes = 16 * 1024
const mostInLines = 1000
// Header lines of a part, and parameters of one line: no client comes near, and more would only cost time.
const mostPieces = 100

const LF = 10
const CR = 13
const TAB = 9
const SPACE = 32
const DASH = 45
const CRLF = Buffer.from('\r\n')
const BLANK_LINE = Buffer.from('\r\n\r\n')

const FORM_TYPE = /^[\t ]*multipart\/form-data[\t ]*(?=;|$)/i
const BOUNDARY = /^[\w'()+,\-./:=? ]*[\w'()+,\-./:=?]$/
const PARAMETER = /;[\t ]*(?:([^\t "(),/:;<=>?@[\\\]{}]+)=(?:"((?:[^"\\]|\\.)*)"|([^\t ";\\]*)))?[\t ]*/y
const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/
const PRINTABLE = /^[\t -~\u0080-\uffff]*$/
const PLAIN_HEAD =
  /^content-disposition: form-data; name="([ !#$&-[\]-~]*)"(?:; filename="([ !#$&-.0-[\]-~]*)")?(?:\r\ncontent-type: ([!-~](?: ?[!-~])*))?$/i
const PLAIN_DISPOSITION =
  /^form-data; ?name=(?:"([^"\\%]*)"|([\w!#$&+.^`|~-]+))(?:; ?filename=(?:"([^"\\%/]*)"|([\w!#$&+.^`|~-]+)))?$/i
const PLAIN_TYPE = /^[\w!#$&+.^`|~-]+\/[\w!#$&+.^`|~-]+(?:; ?charset=("?)([\w.:-]+)\1)?$/
const IDENTITY = /^(?:7bit|8bit|binary)$/i
const ASCII_CHARSET = /^(?:us-ascii|ascii|iso-8859-1|latin1|windows-1252)$/i

/**
 * Reads where each part's name, type and value stand in a body held whole; no byte of a value is copied. The common form
 * is read here and now; any other well-formed one by `readOdd`. What two parsers could read differently is refused:
 * throws, or rejects with, a `bad_request` Problem. A repeated name is not refused. Grammar: RFC 7578, RFC 2046 section 5.1.
 */
export function readParts(
  bytes: Buffer,
  contentType: string,
  readOdd: ReadOdd,
): readonly Part[] | Promise<readonly Part[]> {
  const { parts, odd } = scanParts(bytes, boundaryOf(contentType))
  return odd ? readOdd(bytes, contentType) : parts
}

/** The boundary a content-type names. Throws a `bad_request` Problem unless it is one by RFC 2046 section 5.1.1. */
export function boundaryOf(contentType: string): string {
  const type = FORM_TYPE.exec(contentType)
  if (!type) refuse('The content-type must be multipart/form-data.')
  const parameters = parametersOf(contentType, type[0].length)
  if (!parameters) refuse('The parameters of the content-type cannot be read.')
  // Some parsers look for the word anywhere in the header, so no other parameter may hold it.
  const claims = parameters.filter(({ key, value }) => key === 'boundary' || /boundary/i.test(key + value))
  if (claims.length > 1) refuse('The content-type names more than one boundary.')
  const [claim] = claims
  if (claim?.key !== 'boundary') refuse('The content-type names no boundary.')
  if (claim.value === '') refuse('The boundary in the content-type is empty.')
  if (claim.value.length > 70) refuse('The boundary in the content-type is longer than 70 characters.')
  if (!BOUNDARY.test(claim.value)) refuse('The boundary in the content-type holds characters a boundary may not hold.')
  return claim.value
}

/** Finds every part and checks every rule of ours, odd bodies included. Throws a `bad_request` Problem. */
export function scanParts(bytes: Buffer, boundary: string): Scan {
  const dashed = Buffer.from(`--${boundary}`, 'latin1')
  const parts: Part[] = []
  const opening = bytes.indexOf(dashed) === 0 ? 0 : nextDelimiter(bytes, dashed, 0) + CRLF.length
  // The body may begin with its first delimiter or with that one's CRLF; anything longer before it is a preamble.
  let odd = opening > CRLF.length
  let at = opening + dashed.length
  while (bytes[at] !== DASH || bytes[at + 1] !== DASH) {
    if (parts.length === mostParts) refuse(`The form has more than ${mostParts} parts.`)
    const end = nextDelimiter(bytes, dashed, at)
    const read = readPart(bytes, at, end)
    parts.push(read.part)
    odd ||= read.odd
    at = end + CRLF.length + dashed.length
  }
  return { parts, odd: isOddTail(bytes, dashed, at + 2) || odd || parts.length === 0 }
}

/** Where the CRLF of the next delimiter stands, which is where the value before it ends. */
function nextDelimiter(bytes: Buffer, dashed: Buffer, from: number): number {
  let at = bytes.indexOf(dashed, from)
  for (let inLines = 0; at !== -1; inLines++) {
    const before = bytes[at - 1]
    if (before === LF && bytes[at - 2] === CR) return at - CRLF.length
    // Parsers that take any line end for a CRLF would see a delimiter here.
    if (before === LF || before === CR) refuse('A boundary in the form does not follow a CRLF.')
    // Inside a line it is part of the value; a value made of little else would only cost time.
    if (inLines === mostInLines) refuse('The form holds its boundary too often.')
    at = bytes.indexOf(dashed, at + 1)
  }
  refuse('The form has no closing boundary.')
}

/** Whether anything but one CRLF follows the closing delimiter. */
function isOddTail(bytes: Buffer, dashed: Buffer, at: number): boolean {
  if (at === bytes.length || (at + 2 === bytes.length && bytes[at] === CR && bytes[at + 1] === LF)) return false
  if (bytes.indexOf(dashed, at) !== -1) refuse('The form goes on after its closing boundary.')
  const line = paddingEnd(bytes, at)
  if (line !== bytes.length && bytes[line] !== LF && (bytes[line] !== CR || bytes[line + 1] !== LF)) {
    refuse('The form holds a line that only begins like its closing boundary.')
  }
  return true
}

function readPart(bytes: Buffer, from: number, end: number): Read<{ part: Part }> {
  const line = paddingEnd(bytes, from)
  if (bytes[line] !== CR || bytes[line + 1] !== LF) refuse('The form holds a line that only begins like its boundary.')
  const blank = bytes.indexOf(BLANK_LINE, line)
  if ((blank === -1 || blank > end ? end : blank) - line > mostHeaderBytes) refusePart('has headers over 16 KiB')
  const start = blank + BLANK_LINE.length
  // A delimiter may not share its CRLF with the blank line: some parsers see an empty value there, others none.
  if (blank === -1 || start > end) refusePart('has no blank line after its headers')
  const { name, filename, type, charset, odd } = readHead(bytes, line + CRLF.length, blank, end - start)
  if (!filename && !isText(bytes.subarray(start, end), charset)) refusePart('is a text field that is not UTF-8')
  return { part: { name, filename, type, start, end }, odd: odd || line !== from }
}

/** A value that is the same text in UTF-8 and in the charset its part declares. */
function isText(value: Buffer, charset: string | undefined): boolean {
  if (charset === undefined || /^utf-?8$/i.test(charset)) return isUtf8(value)
  return ASCII_CHARSET.test(charset) && isAscii(value)
}

function readHead(bytes: Buffer, from: number, to: number, valueBytes: number): Head {
  // Nearly every part of nearly every client looks like this; reading it at once halves the cost of a form.
  const [plain, name, filename, plainType] = PLAIN_HEAD.exec(bytes.toString('latin1', from, to)) ?? []
  if (plain !== undefined && name !== undefined && !isOddName(filename)) {
    return headOf({ name, filename, odd: false }, plainType)
  }
  if (!isUtf8(bytes.subarray(from, Math.max(from, to)))) refusePart('has headers that are not UTF-8')
  const { fields, odd } = readHeaders(bytes.toString('utf8', from, to))
  const disposition = fields.get('content-disposition')
  if (disposition === undefined) refusePart('has no content-disposition')
  const encoding = fields.get('content-transfer-encoding') ?? '8bit'
  // There are parsers that decode such values, and parsers that take this length for the truth.
  if (!IDENTITY.test(encoding) || fields.has('content-encoding')) refusePart('has an encoded value')
  const length = fields.get('content-length') ?? String(valueBytes)
  if (!/^\d+$/.test(length) || Number(length) !== valueBytes) refusePart('has a wrong content-length')
  const names = readDisposition(disposition)
  return headOf({ ...names, odd: odd || names.odd }, fields.get('content-type'))
}

function headOf(names: Read<Names>, type: string | undefined): Head {
  const { name, filename, odd } = names
  // @fastify/multipart refuses these names, and an object that holds them as fields is a trap.
  if (name in Object.prototype) refusePart('has a name no field may have')
  if (type === undefined) return { name, filename, type, charset: undefined, odd }
  if (/^multipart\//i.test(type)) refusePart('holds a form of its own')
  const plain = PLAIN_TYPE.exec(type)
  const charset = plain ? plain[2] : charsetOf(type)
  // @fastify/multipart hands out the object such a text holds, not the text.
  const isJson = filename === undefined && /^application\/json/i.test(type)
  return { name, filename, type, charset, odd: odd || !plain || isJson }
}

function readHeaders(text: string): Read<{ fields: ReadonlyMap<string, string> }> {
  const fields = new Map<string, string>()
  let odd = false
  let last = ''
  const lines = text === '' ? [] : text.split('\r\n')
  if (lines.length > mostPieces) refusePart('has too many header lines')
  for (const line of lines) {
    if (!PRINTABLE.test(line)) refusePart('has a control character in its headers')
    const folded = line.startsWith(' ') || line.startsWith('\t')
    const colon = line.indexOf(':')
    if (folded) fields.set(last, unfold(last, fields.get(last), line))
    else {
      last = line.slice(0, Math.max(colon, 0)).toLowerCase()
      if (!TOKEN.test(last)) refusePart('has a header line without a name and a colon')
      if (fields.has(last) && isKnown(last)) refusePart(`has more than one ${last}`)
      fields.set(last, trimmed(line.slice(colon + 1)))
    }
    odd ||= folded || !isKnown(last)
  }
  return { fields, odd }
}

function isKnown(header: string): boolean {
  return (
    header === 'content-disposition' ||
    header === 'content-type' ||
    header === 'content-length' ||
    header === 'content-transfer-encoding'
  )
}

/** Parsers differ in the white space they keep at a fold, so it may stand only where white space means nothing. */
function unfold(header: string, before: string | undefined, line: string): string {
  const more = trimmed(line)
  if (before === undefined || more === '') refusePart('has a folded header line that continues nothing')
  if (isKnown(header) && before !== '' && !before.endsWith(';'))
    refusePart('has a header folded in the middle of a word')
  return `${before} ${more}`
}

function readDisposition(value: string): Read<Names> {
  const plain = PLAIN_DISPOSITION.exec(value)
  const name = plain?.[1] ?? plain?.[2]
  if (!plain || name === undefined) return readOddDisposition(value)
  const filename = plain[3] ?? plain[4]
  return { name, filename, odd: isOddName(filename) }
}

/** @fastify/multipart reads no file name in these, so it is asked what it makes of them. */
function isOddName(filename: string | undefined): boolean {
  return filename === '.' || filename === '..'
}

function readOddDisposition(value: string): Read<Names> {
  const type = /^form-data[\t ]*(?=;|$)/i.exec(value)
  if (!type) refusePart('has a content-disposition other than form-data')
  const parameters = parametersOf(value, type[0].length)
  if (!parameters) refusePart('has a content-disposition that cannot be read')
  const named = new Map(parameters.map((parameter) => [parameter.key, parameter]))
  // The later of two is what some parsers take, the earlier what others do.
  if (named.size < parameters.length) refusePart('has a content-disposition that says something twice')
  if ([...named.keys()].some((key) => key.includes('*') && key !== 'filename*'))
    refusePart('has a name in an odd encoding')
  const name = named.get('name')
  if (!name || (name.value === '' && !name.quoted)) refusePart('has no name')
  // RFC 822 drops such a backslash, browsers and undici mean it.
  if (/\\[^"\\]/.test(name.value.replaceAll('\\\\', ''))) refusePart('has a name with an odd backslash')
  const filename = named.get('filename') ?? named.get('filename*')
  return { name: name.value.replace(/\\(["\\])/g, '$1'), filename: filename?.value, odd: true }
}

function charsetOf(type: string): string | undefined {
  const semicolon = type.indexOf(';')
  if (semicolon === -1) return undefined
  const parameters = parametersOf(type, semicolon)
  if (!parameters) refusePart('has a content-type that cannot be read')
  const [charset, ...others] = parameters.filter(({ key }) => key.startsWith('charset'))
  if (others.length > 0) refusePart('has a content-type that names more than one charset')
  return charset?.value
}

/** The parameters of a header value from `at` on, which is its first semicolon or its end; undefined if they are none. */
function parametersOf(text: string, at: number): readonly Parameter[] | undefined {
  const parameters: Parameter[] = []
  PARAMETER.lastIndex = at
  for (let pieces = 0; PARAMETER.lastIndex < text.length; pieces++) {
    const match = pieces < mostPieces ? PARAMETER.exec(text) : null
    if (!match) return undefined
    const [, key, quoted, bare] = match
    const value = quoted ?? bare
    if (key !== undefined && value !== undefined) {
      parameters.push({ key: key.toLowerCase(), value, quoted: quoted !== undefined })
    }
  }
  return parameters
}

function trimmed(text: string): string {
  let start = 0
  let end = text.length
  while (isPadding(text.charCodeAt(start))) start++
  while (end > start && isPadding(text.charCodeAt(end - 1))) end--
  return text.slice(start, end)
}

function paddingEnd(bytes: Buffer, from: number): number {
  let at = from
  while (isPadding(bytes[at])) at++
  return at
}

function isPadding(code: number | undefined): boolean {
  return code === SPACE || code === TAB
}

function refusePart(fault: string): never {
  refuse(`A part of the form ${fault}.`)
}

function refuse(sentence: string): never {
  throw new Problem('bad_request', { sentence })
}
