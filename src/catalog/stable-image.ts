import { millionths } from '../credits.ts'
import type { Form, Offer } from './offer.ts'
import { choice, faultsOf, seed, text } from './stability-fields.ts'
import { judge } from './stability-judge.ts'

// Ranges and enums of the vendor's OpenAPI document for POST /v2beta/stable-image/generate/core.
const coreFields = {
  prompt: text({
    ...{ required: true, longest: 10_000, example: 'a lighthouse on a cliff at dawn' },
    description: 'What the picture shows. Sandbox keys: `sandbox:<fault>` in it makes the call fail on purpose.',
  }),
  negative_prompt: text({
    ...{ required: false, longest: 10_000, example: 'people' },
    description: 'What the picture must not show.',
  }),
  aspect_ratio: choice(
    { description: 'Width to height; 1:1 if not given.', example: '16:9' },
    ...['21:9', '16:9', '3:2', '5:4', '1:1', '4:5', '2:3', '9:16', '9:21'],
  ),
  seed: seed(
    { description: 'The same seed and prompt make the same picture; 0 or none is random.', example: 7 },
    4_294_967_294,
  ),
  style_preset: choice(
    { description: 'Guides towards a style.', example: 'cinematic' },
    ...['3d-model', 'analog-film', 'anime', 'cinematic', 'comic-book', 'digital-art', 'enhance', 'fantasy-art'],
    ...['isometric', 'line-art', 'low-poly', 'modeling-compound', 'neon-punk', 'origami', 'photographic'],
    ...['pixel-art', 'tile-texture'],
  ),
  output_format: choice(
    { description: 'Format of the picture; png if not given.', example: 'png' },
    'png',
    'jpeg',
    'webp',
  ),
}

const corePath = '/v2beta/stable-image/generate/core'
const listPrice = millionths(3_000_000)

/** Stable Image Core: one picture for a flat 3 credits. */
export const core: Offer = {
  id: 'stable-image-core',
  summary: 'Make a picture with Stable Image Core',
  upstream: 'stability',
  family: 'stability',
  method: 'POST',
  path: corePath,
  paths: [`/sd${corePath}`, corePath],
  listPrice,
  price: listPrice,
  priceVersion: 1,
  enabled: true,
  fields: coreFields,
  check: (form: Form) => faultsOf(form, coreFields),
  quote() {
    return { most: this.price }
  },
  judge,
}
