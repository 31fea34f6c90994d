/** A picture as it is asked for; what is left empty is the upstream's choice. */
export type PictureWish = {
  readonly prompt: string
  readonly negative: string
  readonly ratio: string
  readonly style: string
  readonly seed: string
  readonly format: Format
}

export const formats = ['png', 'jpeg', 'webp'] as const
type Format = (typeof formats)[number]

export const ratios = ['1:1', '21:9', '16:9', '3:2', '5:4', '4:5', '2:3', '9:16', '9:21'] as const

export const styles = [
  ...['3d-model', 'analog-film', 'anime', 'cinematic', 'comic-book', 'digital-art', 'enhance', 'fantasy-art'],
  ...['isometric', 'line-art', 'low-poly', 'modeling-compound', 'neon-punk', 'origami', 'photographic'],
  ...['pixel-art', 'tile-texture'],
] as const

export const firstWish: PictureWish = { prompt: '', negative: '', ratio: '1:1', style: '', seed: '', format: 'png' }

/** The fields of the request, in the order people think of them. */
export function fieldsOf({ prompt, negative, ratio, style, seed, format }: PictureWish): (readonly [string, string])[] {
  const all = [
    ['prompt', prompt],
    ['negative_prompt', negative],
    ['aspect_ratio', ratio],
    ['style_preset', style],
    ['seed', seed.trim()],
    ['output_format', format],
  ] as const
  return all.filter(([name, value]) => name === 'prompt' || value !== '')
}

const largestSeed = 4_294_967_294

export function isSeed(text: string): boolean {
  return text.trim() === '' || (/^\d{1,10}$/.test(text.trim()) && Number(text) <= largestSeed)
}
