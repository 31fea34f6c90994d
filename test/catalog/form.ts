import type { Form, Part } from '../../src/catalog/offer.ts'

/** A form as the gateway reads it: the values lie end to end in the bytes. */
export function formWith(...fields: (readonly [name: string, value: string | Buffer, filename?: string])[]): Form {
  let end = 0
  const parts = fields.map(([name, value, filename]): Part => {
    const start = end
    end += Buffer.byteLength(value)
    return { name, filename, type: undefined, start, end }
  })
  return { bytes: Buffer.concat(fields.map(([, value]) => Buffer.from(value))), parts }
}
