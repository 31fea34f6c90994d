import { parentPort } from 'node:worker_threads'
import { paintPicture, type Wish } from './sandbox-picture.ts'

export type Commission = { readonly number: number; readonly wish: Wish }
export type Delivery = { readonly number: number; readonly picture: Uint8Array }

// A wish that cannot be painted ends this thread; the studio fails that one and opens another.
parentPort?.on('message', ({ number, wish }: Commission) => {
  parentPort?.postMessage({ number, picture: paintPicture(wish) } satisfies Delivery)
})
