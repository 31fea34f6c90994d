import { createHash } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { type Canvas, createCanvas, GlobalFonts, type SKRSContext2D } from '@napi-rs/canvas'
import type { Format, Ratio } from './sandbox-form.ts'

/** One picture to draw; equal wishes give equal bytes on one machine. */
export type Wish = {
  /** What shapes and colours are derived from. */
  readonly theme: string
  /** What is written on it; shortened to what fits. */
  readonly caption: string
  /** The small line under the caption. */
  readonly footer: string
  readonly ratio: Ratio
  readonly format: Format
  /** As the vendor answers `CONTENT_FILTERED`: still a picture, nothing to be made out. */
  readonly blurred: boolean
}

type Pen = SKRSContext2D
type Dice = () => number
type Scene = { readonly pen: Pen; readonly dice: Dice; readonly colors: Palette }
type Palette = { readonly back: string[]; readonly front: string[]; readonly light: string }

// About 1.5 megapixels each, in steps of 16 as image models make them.
const sizes = {
  '21:9': [1872, 800],
  '16:9': [1632, 912],
  '3:2': [1488, 992],
  '5:4': [1360, 1088],
  '1:1': [1216, 1216],
  '4:5': [1088, 1360],
  '2:3': [992, 1488],
  '9:16': [912, 1632],
  '9:21': [800, 1872],
} as const satisfies Record<Ratio, readonly [width: number, height: number]>

const scripts = ['latin', 'latin-ext', 'cyrillic', 'greek', 'vietnamese'] as const
const typeface = scripts.map(loadScript).join(', ')

// A name of our own per file: a system's own Inter must not change the picture.
function loadScript(script: string): string {
  const file = fileURLToPath(import.meta.resolve(`@fontsource/inter/files/inter-${script}-600-normal.woff2`))
  const name = `sandbox-${script}`
  if (!GlobalFonts.registerFromPath(file, name)) throw new Error(`The font file ${script} of Inter cannot be read.`)
  return name
}

/** Draws and encodes one picture; blocks its thread for as long as that takes. */
export function paintPicture(wish: Wish): Buffer {
  const [width, height] = sizes[wish.ratio]
  const canvas = createCanvas(width, height)
  const pen = canvas.getContext('2d')
  const dice = diceFor(wish.theme)
  const motif = motifs[Math.floor(dice() * motifs.length)] ?? hills
  motif({ pen, dice, colors: paletteFrom(dice) })
  write(pen, wish)
  return encode(wish.blurred ? blurred(canvas) : canvas, wish.format)
}

function encode(canvas: Canvas, format: Format): Buffer {
  if (format === 'png') return canvas.toBuffer('image/png')
  return canvas.toBuffer(format === 'jpeg' ? 'image/jpeg' : 'image/webp', 85)
}

// Hashes in counter mode: the same throws on every machine and Node version.
function diceFor(theme: string): Dice {
  let throws = 0
  return () => createHash('sha256').update(`${theme}/${throws++}`).digest().readUInt32BE() / 2 ** 32
}

function paletteFrom(dice: Dice): Palette {
  const hue = dice() * 360
  const other = hue + 30 + dice() * 150
  const shade = (turn: number, saturation: number, light: number) =>
    `hsl(${Math.round(turn % 360)}, ${saturation}%, ${Math.round(light)}%)`
  return {
    back: Array.from({ length: 7 }, (_, step) => shade(hue + step * 5, 60, 30 + step * 6)),
    front: Array.from({ length: 5 }, (_, step) => shade(other + step * 8, 52, 56 - step * 9)),
    light: shade(other + 180, 85, 84),
  }
}

// Flat colours throughout: a gradient costs half a second to compress as PNG, these a tenth of that.
const motifs = [hills, tiles, rings] as const

function pick(colors: readonly string[], index: number): string {
  return colors[Math.floor(index) % colors.length] ?? 'black'
}

function disc(pen: Pen, x: number, y: number, radius: number, color: string): void {
  pen.fillStyle = color
  pen.beginPath()
  pen.arc(x, y, radius, 0, Math.PI * 2)
  pen.fill()
}

function hills({ pen, dice, colors }: Scene): void {
  const { width, height } = pen.canvas
  const band = Math.ceil(height / colors.back.length)
  colors.back.forEach((color, step) => {
    pen.fillStyle = color
    pen.fillRect(0, step * band, width, band)
  })
  const small = Math.min(width, height)
  disc(pen, width * (0.2 + dice() * 0.6), height * (0.15 + dice() * 0.2), small * (0.09 + dice() * 0.09), colors.light)
  colors.front.forEach((color, step) => {
    ridge(pen, dice, height * (0.38 + step * 0.13), color)
  })
}

function ridge(pen: Pen, dice: Dice, level: number, color: string): void {
  const { width, height } = pen.canvas
  const [waves, shift, swell] = [1 + dice() * 3, dice() * 7, height * (0.03 + dice() * 0.06)]
  const edge = (x: number) => level + Math.sin((x / width) * waves * Math.PI + shift) * swell
  pen.fillStyle = color
  pen.beginPath()
  pen.moveTo(0, height)
  for (let x = 0; x <= width; x += 8) pen.lineTo(x, edge(x) + Math.sin(x / 61 + shift) * swell * 0.2)
  pen.lineTo(width, height)
  pen.fill()
}

function tiles({ pen, dice, colors }: Scene): void {
  const { width, height } = pen.canvas
  const side = Math.ceil(Math.max(width, height) / (6 + Math.floor(dice() * 5)))
  for (let y = 0; y < height; y += side) {
    for (let x = 0; x < width; x += side) tile({ pen, dice, colors }, x, y, side)
  }
}

function tile({ pen, dice, colors }: Scene, x: number, y: number, side: number): void {
  pen.save()
  pen.beginPath()
  pen.rect(x, y, side, side)
  pen.clip()
  pen.fillStyle = pick(colors.back, dice() * 7)
  pen.fillRect(x, y, side, side)
  const corner = Math.floor(dice() * 4)
  const [atX, atY] = [x + (corner % 2) * side, y + (corner > 1 ? side : 0)]
  disc(pen, atX, atY, side, pick(colors.front, dice() * 5))
  disc(pen, atX, atY, side / 2, dice() < 0.15 ? colors.light : pick(colors.back, dice() * 7))
  pen.restore()
}

function rings({ pen, dice, colors }: Scene): void {
  const { width, height } = pen.canvas
  pen.fillStyle = pick(colors.back, 1)
  pen.fillRect(0, 0, width, height)
  for (let planet = 0; planet < 9; planet++) {
    const [x, y, size] = [dice() * width, dice() * height, Math.min(width, height) * (0.08 + dice() * 0.3)]
    const shown = planet % 2 ? colors.front : colors.back
    for (let ring = 0; ring < 4; ring++) disc(pen, x, y, size * (1 - ring * 0.22), pick(shown, planet + ring * 2))
    disc(pen, x, y, size * 0.12, colors.light)
  }
}

type Text = { readonly lines: string[]; readonly sizePx: number }

const lineStep = 1.3

function write(pen: Pen, { caption, footer }: Wish): void {
  const { width, height } = pen.canvas
  const gap = Math.round(Math.min(width, height) * 0.05)
  const inner = width - gap * 4
  const text = fit(pen, caption, inner, height * 0.6)
  const small = 24
  const tall = text.lines.length * text.sizePx * lineStep + small * 1.6
  const top = height - gap * 2.6 - tall
  panel(pen, gap, top, width - gap * 2, tall + gap * 1.6)
  pen.fillStyle = 'white'
  setSize(pen, text.sizePx)
  text.lines.forEach((line, row) => {
    pen.fillText(line, gap * 2, top + gap * 0.6 + text.sizePx * (lineStep * row + 1), inner)
  })
  setSize(pen, small)
  pen.fillStyle = 'rgb(214, 220, 228)'
  pen.fillText(footer, gap * 2, top + tall + gap * 0.6, inner)
}

function panel(pen: Pen, x: number, y: number, width: number, height: number): void {
  pen.fillStyle = 'rgba(12, 16, 28, 0.78)'
  pen.beginPath()
  pen.roundRect(x, y, width, height, 28)
  pen.fill()
}

function setSize(pen: Pen, sizePx: number): void {
  pen.font = `600 ${sizePx}px ${typeface}`
}

function fit(pen: Pen, caption: string, width: number, height: number): Text {
  for (let sizePx = 76; sizePx > 34; sizePx -= 6) {
    const lines = wrap(pen, caption, sizePx, width)
    if (lines.length * sizePx * lineStep <= height) return { lines, sizePx }
  }
  const sizePx = 34
  const lines = wrap(pen, caption, sizePx, width)
  const room = Math.floor(height / (sizePx * lineStep))
  if (lines.length > room) lines.splice(room - 1, Number.POSITIVE_INFINITY, `${lines[room - 1] ?? ''} …`)
  return { lines, sizePx }
}

function wrap(pen: Pen, caption: string, sizePx: number, width: number): string[] {
  setSize(pen, sizePx)
  const lines: string[] = []
  let line = ''
  // Pieces of at most 20 characters, since some scripts and all long names have no blanks to break at.
  for (const [piece] of caption.matchAll(/\S{1,20}\s*/gu)) {
    if (line !== '' && pen.measureText((line + piece).trimEnd()).width > width) {
      lines.push(line.trimEnd())
      line = ''
    }
    line += piece.replace(/\s+$/, ' ')
  }
  return line.trim() === '' ? lines : [...lines, line.trimEnd()]
}

// Down to a thumbnail and up again: cheaper than a blur of that radius, and nothing survives it.
function blurred(canvas: Canvas): Canvas {
  const small = createCanvas(Math.ceil(canvas.width / 96), Math.ceil(canvas.height / 96))
  const smallPen = small.getContext('2d')
  smallPen.imageSmoothingQuality = 'high'
  smallPen.drawImage(canvas, 0, 0, small.width, small.height)
  const large = createCanvas(canvas.width, canvas.height)
  const largePen = large.getContext('2d')
  largePen.imageSmoothingQuality = 'high'
  largePen.drawImage(small, 0, 0, large.width, large.height)
  return large
}
