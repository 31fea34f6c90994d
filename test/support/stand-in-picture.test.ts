import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadImage } from '@napi-rs/canvas'
import { picture } from './stand-in-picture.ts'

for (const format of ['png', 'jpeg', 'webp'] as const) {
  test(`a ${format} of any size can be shown and has exactly that size`, async () => {
    for (const bytes of [undefined, 512, 514, 516, 518, 65_540, 200_000]) {
      const made = picture(format, bytes, 'a note')
      assert.equal(made.length, bytes ?? made.length)
      assert.ok(made.includes('a note'))
      const shown = await loadImage(made)
      assert.deepEqual([shown.width, shown.height], [1, 1])
    }
    assert.throws(() => picture(format, 10), RangeError)
  })
}

test('a png and a jpeg can have an odd size', async () => {
  for (const format of ['png', 'jpeg'] as const) {
    assert.equal(picture(format, 513).length, 513)
    assert.equal((await loadImage(picture(format, 513))).width, 1)
  }
})
