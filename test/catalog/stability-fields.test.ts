import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fieldText } from '../../src/catalog/stability-fields.ts'
import { core } from '../../src/catalog/stable-image.ts'
import { formWith } from './form.ts'

const prompt = ['prompt', 'a lighthouse'] as const

test('a form with every field at its edges passes', () => {
  for (const seed of ['0', '4294967294', '0000000001']) {
    const form = formWith(prompt, ['seed', seed], ['aspect_ratio', '9:21'], ['style_preset', 'tile-texture'])
    assert.deepEqual(core.check(form), [])
  }
  for (const format of ['png', 'jpeg', 'webp'])
    assert.deepEqual(core.check(formWith(prompt, ['output_format', format])), [])
  assert.deepEqual(core.check(formWith(prompt, ['negative_prompt', ''])), [])
})

test('what nobody knows passes, an empty file part and camel case included', () => {
  const form = formWith(prompt, ['none', '', 'none'], ['aspectRatio', '1:7'], ['__proto__', 'x'], ['toString', 'x'])
  assert.deepEqual(core.check(form), [])
})

test('every fault is named at once, as field and reason', () => {
  const form = formWith(['prompt', ' \t\n'], ['seed', '-1'], ['output_format', 'gif'], ['aspect_ratio', '1:7'])
  assert.deepEqual(core.check(form), [
    'prompt: must not be blank',
    'seed: must be a whole number from 0 to 4294967294',
    'output_format: must be one of png, jpeg, webp',
    'aspect_ratio: must be one of 21:9, 16:9, 3:2, 5:4, 1:1, 4:5, 2:3, 9:16, 9:21',
  ])
})

test('a prompt is required', () => {
  assert.deepEqual(core.check(formWith()), ['prompt: is required'])
  assert.deepEqual(core.check(formWith(['prompt', ''])), ['prompt: must not be blank'])
  assert.deepEqual(core.check(formWith(['Prompt', 'a lighthouse'])), ['prompt: is required'])
})

test('a known field that is sent twice is refused, whatever its values', () => {
  assert.deepEqual(core.check(formWith(prompt, prompt)), ['prompt: must be sent only once'])
  assert.deepEqual(core.check(formWith(prompt, ['seed', '1'], ['seed', '1'])), ['seed: must be sent only once'])
})

test('a known field sent as a file is refused', () => {
  assert.deepEqual(core.check(formWith(['prompt', 'a lighthouse', 'prompt.txt'])), [
    'prompt: must be a text field, not a file',
  ])
})

test('the length of a prompt is counted in characters, not in bytes', () => {
  for (const letter of ['a', 'é', '漢', '🗼']) {
    assert.deepEqual(core.check(formWith(['prompt', letter.repeat(10_000)])), [], letter)
    assert.deepEqual(core.check(formWith(['prompt', letter.repeat(10_001)])), [
      'prompt: must be at most 10000 characters long',
    ])
  }
  assert.deepEqual(core.check(formWith(prompt, ['negative_prompt', 'a'.repeat(10_001)])), [
    'negative_prompt: must be at most 10000 characters long',
  ])
})

test('a seed is a whole number within its range and nothing else', () => {
  for (const seed of ['4294967295', '-0', '+1', '1.0', '1e3', '0x10', ' 1', '1 ', '', '١', '1'.repeat(17), 'NaN']) {
    assert.equal(core.check(formWith(prompt, ['seed', seed])).length, 1, JSON.stringify(seed))
  }
})

test('a choice is compared letter by letter', () => {
  for (const format of ['PNG', 'png ', '', 'jpg', 'constructor']) {
    assert.equal(core.check(formWith(prompt, ['output_format', format])).length, 1, JSON.stringify(format))
  }
})

test('the text of a field is found by its name', () => {
  const form = formWith(prompt, ['output_format', 'webp'])
  assert.equal(fieldText(form, 'output_format'), 'webp')
  assert.equal(fieldText(form, 'seed'), undefined)
})
