import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'

export type CertificateKind = 'good' | 'expired' | 'wrong-host' | 'self-signed'
type Name = { name: string; key: KeyObject; public: KeyObject }
type Wanted = { subject: Name; issuer: Name; extension: Buffer; until?: string }

/**
 * Certificates for tests, made on the spot so that no private key lies in the repository. `ca` has signed all kinds but
 * the self-signed one; `good` is for 127.0.0.1, ::1 and localhost.
 */
export function certificate(kind: CertificateKind): { cert: string; key: string; ca: string } {
  authority ??= newName('Test authority')
  authorityPem ??= issue({ subject: authority, issuer: authority, extension: mayIssue })
  const subject = newName('Stand-in')
  const extension = kind === 'wrong-host' ? namesOther : namesHere
  const issuer = kind === 'self-signed' ? subject : authority
  const cert = issue({ subject, issuer, extension, until: kind === 'expired' ? '210101000000Z' : undefined })
  return { cert, key: subject.key.export({ type: 'pkcs8', format: 'pem' }).toString(), ca: authorityPem }
}

let authority: Name | undefined
let authorityPem: string | undefined

function newName(name: string): Name {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  return { name, key: privateKey, public: publicKey }
}

/** X.509 v3 in DER, as RFC 5280, section 4.1 lays it out. */
function issue({ subject, issuer, extension, until = '99991231235959Z' }: Wanted): string {
  const body = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    ecdsaWithSha256,
    distinguished(issuer.name),
    sequence(time('200101000000Z'), time(until)),
    distinguished(subject.name),
    subject.public.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(extension, keyMark('551d0e', der(0x04, keyId(subject))), keyMark('551d23', issuedBy(issuer)))),
  )
  const signature = der(0x03, Buffer.from([0]), sign('sha256', body, issuer.key))
  const text = sequence(body, ecdsaWithSha256, signature).toString('base64')
  return `-----BEGIN CERTIFICATE-----\n${text.replace(/.{1,64}/g, '$&\n')}-----END CERTIFICATE-----\n`
}

function der(tag: number, ...parts: Buffer[]): Buffer {
  const content = Buffer.concat(parts)
  const { length } = content
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...size]), content])
}

function sequence(...parts: Buffer[]): Buffer {
  return der(0x30, ...parts)
}

function objectId(hex: string): Buffer {
  return der(0x06, Buffer.from(hex, 'hex'))
}

function distinguished(name: string): Buffer {
  return sequence(der(0x31, sequence(objectId('550403'), der(0x0c, Buffer.from(name)))))
}

/** Two digits of the year make it a UTCTime, four a GeneralizedTime. */
function time(text: string): Buffer {
  return der(text.length === 13 ? 0x17 : 0x18, Buffer.from(text))
}

function keyId(holder: Name): Buffer {
  return createHash('sha256')
    .update(holder.public.export({ type: 'spki', format: 'der' }))
    .digest()
    .subarray(0, 20)
}

function issuedBy(issuer: Name): Buffer {
  return sequence(der(0x80, keyId(issuer)))
}

function keyMark(id: string, value: Buffer): Buffer {
  return sequence(objectId(id), der(0x04, value))
}

function alternativeNames(...names: Buffer[]): Buffer {
  return keyMark('551d11', sequence(...names))
}

const ecdsaWithSha256 = sequence(objectId('2a8648ce3d040302'))
const yes = der(0x01, Buffer.from([0xff]))
const mayIssue = Buffer.concat([
  sequence(objectId('551d13'), yes, der(0x04, sequence(yes))),
  sequence(objectId('551d0f'), yes, der(0x04, der(0x03, Buffer.from([1, 0x06])))),
])
const loopback6 = Buffer.concat([Buffer.alloc(15), Buffer.from([1])])
const namesHere = alternativeNames(
  der(0x82, Buffer.from('localhost')),
  der(0x87, Buffer.from([127, 0, 0, 1])),
  der(0x87, loopback6),
)
const namesOther = alternativeNames(der(0x82, Buffer.from('elsewhere.example')))
