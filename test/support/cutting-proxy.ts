import { connect, createServer, type Socket } from 'node:net'
import type { TestContext } from 'node:test'

export type CuttingProxy = {
  /** The address of the same database, by way of the proxy. */
  readonly url: string
  /** The next request reaches the server and is answered there, but the answer is lost with the connection. */
  loseNextAnswer(): void
  /** From now on nothing passes either way, and nobody is told; `heal` cuts what was swallowed and lets the rest pass. */
  swallow(): void
  heal(): void
}

/** A way to a database on which answers can be lost; gone with the test. */
export async function openCuttingProxy(t: TestContext, url: string): Promise<CuttingProxy> {
  const target = new URL(url)
  const sockets = new Set<Socket>()
  let losing = false
  let swallowing = false
  const proxy = createServer((near) => {
    const far = connect(Number(target.port), target.hostname)
    let lost = false
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on('error', () => undefined).on('close', () => sockets.delete(socket))
    }
    near.on('data', (bytes) => {
      if (losing) lost = true
      losing = false
      if (!swallowing) far.write(bytes)
    })
    far.on('data', (bytes) => {
      // Once it answers it has committed, since all of a unit is sent in one go.
      if (lost) near.destroy()
      else if (!swallowing) near.write(bytes)
    })
    near.on('close', () => far.end())
    far.on('close', () => near.destroy())
  })
  await new Promise<void>((listening) => proxy.listen(0, '127.0.0.1', listening))
  const address = proxy.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    proxy.close()
  })
  const way = new URL(url)
  way.port = String(address.port)
  const loseNextAnswer = () => {
    losing = true
  }
  const swallow = () => {
    swallowing = true
  }
  const heal = () => {
    swallowing = false
    for (const socket of sockets) socket.destroy()
  }
  return { url: way.href, loseNextAnswer, swallow, heal }
}
