import { Worker } from 'node:worker_threads'
import type { Commission, Delivery } from './sandbox-painter.ts'
import type { Wish } from './sandbox-picture.ts'

export type Studio = ReturnType<typeof openStudio>

type Waiting = {
  readonly wish: Wish
  readonly deliver: (picture: Buffer) => void
  readonly fail: (reason: Error) => void
}

// Neither our flags nor our settings concern the thread, and the system's fonts must not change a picture.
const threadOptions = { execArgv: [], env: { DISABLE_SYSTEM_FONTS_LOAD: '1' } }

/**
 * Paints in one thread of its own, one picture after the other, so that the caller's event loop stays free.
 * The thread starts with the first wish and keeps the process alive only while a picture is due.
 * A thread that dies fails the picture it was painting; the others get a new thread.
 */
export function openStudio() {
  const waiting = new Map<number, Waiting>()
  const finished = openGallery(32 * 1024 * 1024)
  let thread: Worker | undefined
  let closed = false
  let commissions = 0

  function start(): Worker {
    const started = new Worker(new URL('./sandbox-painter.ts', import.meta.url), threadOptions)
    let reason: Error | undefined
    started.on('message', ({ number, picture }: Delivery) => finish(number, picture))
    started.on('error', (cause) => {
      reason = new Error('The picture could not be painted.', { cause })
    })
    started.on('exit', () => startOver(reason ?? new Error('The painting thread ended.')))
    return started
  }

  function send(number: number, wish: Wish): void {
    thread ??= start()
    thread.ref()
    thread.postMessage({ number, wish } satisfies Commission)
  }

  function finish(number: number, picture: Uint8Array): void {
    waiting.get(number)?.deliver(Buffer.from(picture.buffer, picture.byteOffset, picture.byteLength))
    waiting.delete(number)
    if (waiting.size === 0) thread?.unref()
  }

  function startOver(reason: Error): void {
    thread = undefined
    const [painting] = waiting.keys()
    for (const [number, { wish, fail }] of [...waiting]) {
      if (closed || number === painting) {
        waiting.delete(number)
        fail(reason)
      } else send(number, wish)
    }
  }

  /** The finished picture; rejects when it cannot be painted or the studio closes first. */
  async function paint(wish: Wish): Promise<Buffer> {
    if (closed) throw new Error('The studio is closed.')
    const title = JSON.stringify(wish)
    const known = finished.find(title)
    if (known) return known
    const picture = await new Promise<Buffer>((deliver, fail) => {
      const number = commissions++
      waiting.set(number, { wish, deliver, fail })
      send(number, wish)
    })
    finished.keep(title, picture)
    return picture
  }

  async function close(): Promise<void> {
    closed = true
    await thread?.terminate()
  }

  return { paint, close }
}

/** Keeps the pictures seen last, up to so many bytes. */
function openGallery(limitBytes: number) {
  const pictures = new Map<string, Buffer>()
  let bytes = 0

  function find(title: string): Buffer | undefined {
    const picture = pictures.get(title)
    if (picture) {
      pictures.delete(title)
      pictures.set(title, picture)
    }
    return picture
  }

  function keep(title: string, picture: Buffer): void {
    bytes += picture.length - (pictures.get(title)?.length ?? 0)
    pictures.delete(title)
    pictures.set(title, picture)
    for (const [oldest, { length }] of pictures) {
      if (bytes <= limitBytes) break
      pictures.delete(oldest)
      bytes -= length
    }
  }

  return { find, keep }
}
