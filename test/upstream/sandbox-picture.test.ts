import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createCanvas, loadImage } from '@napi-rs/canvas'
import { paintPicture, type Wish } from '../../src/upstream/sandbox-picture.ts'
import { openStudio } from '../../src/upstream/sandbox-studio.ts'
import { magic, runAlone } from './sandbox-calls.ts'

const wish: Wish = { theme: 't', caption: '', footer: '', ratio: '3:2', format: 'png', blurred: false }

async function whitePixels(caption: string): Promise<number> {
  const image = await loadImage(paintPicture({ ...wish, caption }))
  const pen = createCanvas(image.width, image.height).getContext('2d')
  pen.drawImage(image, 0, 0)
  const { data } = pen.getImageData(0, 0, image.width, image.height)
  let white = 0
  for (let at = 0; at < data.length; at += 4)
    if ((data[at] ?? 0) + (data[at + 1] ?? 0) + (data[at + 2] ?? 0) > 750) white++
  return white
}

test('the prompt is written on the picture in letters, not in empty boxes', async () => {
  const [none, thin, fat] = [await whitePixels(''), await whitePixels('iiiiiiii'), await whitePixels('MMMMMMMM')]
  assert.ok(thin > none + 1_000, `${none} ${thin}`)
  assert.ok(fat > none + (thin - none) * 2, `${none} ${thin} ${fat}`)
})

test('a picture that kills the painting thread takes no other with it', { timeout: 60_000 }, async () => {
  const studio = openStudio()
  const broken: Wish = JSON.parse(JSON.stringify({ ...wish, ratio: 'none' }))
  const ends = await Promise.allSettled([wish, broken, { ...wish, theme: 'u' }, broken].map(studio.paint))
  const later = await studio.paint({ ...wish, theme: 'v' })
  await studio.close()
  const statuses = ends.map(({ status }) => status)
  assert.deepEqual(statuses, ['fulfilled', 'rejected', 'fulfilled', 'rejected'])
  assert.match(later.toString('hex', 0, 8), magic.png)
  await assert.rejects(studio.paint({ ...wish, theme: 'w' }), /closed/)
})

test('an idle painting thread keeps no process alive', async () => {
  const from = JSON.stringify(new URL('../../src/upstream/sandbox-studio.ts', import.meta.url))
  const script = `import { openStudio } from ${from}
    const picture = await openStudio().paint(${JSON.stringify(wish)})
    console.log(picture.length > 1000)`
  assert.deepEqual(await runAlone(script), { code: 0, said: 'true\n' })
})
