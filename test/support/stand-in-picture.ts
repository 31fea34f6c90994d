import { crc32, deflateSync } from 'node:zlib'

export type Format = 'png' | 'jpeg' | 'webp'

/**
 * A real picture of one pixel, exactly `bytes` long (WebP: one more where `bytes` is odd, since RIFF files are even).
 * `note` stands readable inside, so that a test can tell whose picture it got. Without `bytes`: as short as it can be.
 * Throws RangeError when it cannot be that short.
 */
export function picture(format: Format, bytes?: number, note = ''): Buffer {
  const least = makers[format](note, 0)
  const filler = bytes === undefined ? 0 : bytes - least.length
  if (filler < 0) throw new RangeError(`A ${format} with this note has at least ${least.length} bytes.`)
  return makers[format](note, filler)
}

const makers = { png, jpeg, webp } satisfies Record<Format, (note: string, filler: number) => Buffer>

function png(note: string, filler: number): Buffer {
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
  const oneGreyPixel = Buffer.from([0, 0, 0, 1, 0, 0, 0, 1, 8, 0, 0, 0, 0])
  const pixels = deflateSync(Buffer.from([0, 0x80]))
  return Buffer.concat([
    signature,
    pngChunk('IHDR', oneGreyPixel),
    // The case of the four letters says: not needed for showing, private, safe to copy.
    pngChunk('tgPd', padded(note, filler)),
    pngChunk('IDAT', pixels),
    pngChunk('IEND', Buffer.alloc(0)),
  ])
}

function pngChunk(type: string, data: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(type, 'latin1'), data])
  return Buffer.concat([uint32(data.length), named, uint32(crc32(named))])
}

function jpeg(note: string, filler: number): Buffer {
  const oneCode = Buffer.concat([Buffer.from([1]), Buffer.alloc(16)])
  return Buffer.concat([
    Buffer.from([0xff, 0xd8]),
    jpegSegment(0xfe, Buffer.from(note)),
    ...jpegFiller(filler),
    jpegSegment(0xdb, Buffer.concat([Buffer.from([0]), Buffer.alloc(64, 1)])),
    jpegSegment(0xc0, Buffer.from([8, 0, 1, 0, 1, 1, 1, 0x11, 0])),
    jpegSegment(0xc4, Buffer.concat([Buffer.from([0x00]), oneCode])),
    jpegSegment(0xc4, Buffer.concat([Buffer.from([0x10]), oneCode])),
    jpegSegment(0xda, Buffer.from([1, 1, 0, 0, 63, 0])),
    Buffer.from([0x3f, 0xff, 0xd9]),
  ])
}

function jpegFiller(filler: number): Buffer[] {
  const largest = 65_537
  const parts: Buffer[] = []
  let left = filler
  for (; left >= 4; left -= Math.min(left, largest)) {
    parts.push(jpegSegment(0xfe, Buffer.alloc(Math.min(left, largest) - 4)))
  }
  // Any number of 0xFF may stand before a marker (ITU-T T.81, B.1.1.2).
  return [...parts, Buffer.alloc(left, 0xff)]
}

function jpegSegment(marker: number, data: Buffer): Buffer {
  const length = data.length + 2
  return Buffer.concat([Buffer.from([0xff, marker, length >> 8, length & 0xff]), data])
}

function webp(note: string, filler: number): Buffer {
  const onePixel = Buffer.from('LwAAABAHEBERiIj+BwA=', 'base64')
  const chunks = Buffer.concat([
    Buffer.from('WEBP', 'latin1'),
    riffChunk('VP8X', Buffer.alloc(10)),
    riffChunk('VP8L', onePixel.subarray(0, 13)),
    riffChunk('tgPd', padded(note, filler)),
  ])
  return riffChunk('RIFF', chunks)
}

function riffChunk(type: string, data: Buffer): Buffer {
  const size = Buffer.alloc(4)
  size.writeUInt32LE(data.length)
  return Buffer.concat([Buffer.from(type, 'latin1'), size, data, Buffer.alloc(data.length % 2)])
}

function padded(note: string, filler: number): Buffer {
  return Buffer.concat([Buffer.from(note), Buffer.alloc(filler)])
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
