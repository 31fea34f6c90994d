import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'

export type Span = {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string | undefined
  readonly name: string
  readonly startMs: number
  readonly endMs: number
  readonly failed: boolean
  readonly attributes: Readonly<Record<string, string | number>>
}

export type Collector = {
  readonly origin: string
  readonly spans: readonly Span[]
  /** What it was sent, as text. */
  readonly texts: readonly string[]
  readonly resource: Readonly<Record<string, string | number>>
  /** The spans of the call with that id, the call itself first, once the call has been sent. */
  of(callId: string): Promise<readonly Span[]>
}

type Pair = {
  readonly key: string
  readonly value: { readonly stringValue?: string; readonly intValue?: string | number }
}
type Sent = {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly Pair[] }
    readonly scopeSpans: readonly { readonly spans: readonly Record<string, unknown>[] }[]
  }[]
}

/** A receiver of OTLP/HTTP with JSON encoding, as collectors are; gone with the test. */
export async function openCollector(t: TestContext): Promise<Collector> {
  const spans: Span[] = []
  const texts: string[] = []
  const resource: Record<string, string | number> = {}
  const server = createServer(async (request, reply) => {
    const pieces: Buffer[] = []
    for await (const piece of request) pieces.push(piece as Buffer)
    assert.deepEqual([request.method, request.url], ['POST', '/v1/traces'])
    assert.equal(request.headers['content-type'], 'application/json')
    const text = Buffer.concat(pieces).toString()
    texts.push(text)
    for (const each of (JSON.parse(text) as Sent).resourceSpans) {
      Object.assign(resource, pairs(each.resource.attributes))
      for (const scope of each.scopeSpans) spans.push(...scope.spans.map(spanOf))
    }
    reply.setHeader('content-type', 'application/json').end('{}')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })

  async function of(callId: string): Promise<readonly Span[]> {
    for (let tries = 600; ; tries--) {
      const call = spans.find(({ attributes }) => attributes['tollgate.call'] === callId)
      if (call) return [call, ...spans.filter(({ parentSpanId }) => parentSpanId === call.spanId)]
      assert.ok(tries > 0, `the trace of ${callId} never came`)
      await new Promise((wake) => setTimeout(wake, 20))
    }
  }

  const { port } = server.address() as AddressInfo
  return { origin: `http://127.0.0.1:${port}`, spans, texts, resource, of }
}

function pairs(attributes: readonly Pair[] = []): Record<string, string | number> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [key, value.stringValue ?? Number(value.intValue)] as const),
  )
}

function spanOf(raw: Record<string, unknown>): Span {
  const ms = (nanoseconds: unknown) => Number(BigInt(String(nanoseconds)) / 1000n) / 1000
  return {
    traceId: String(raw['traceId']),
    spanId: String(raw['spanId']),
    parentSpanId: raw['parentSpanId'] === undefined ? undefined : String(raw['parentSpanId']),
    name: String(raw['name']),
    startMs: ms(raw['startTimeUnixNano']),
    endMs: ms(raw['endTimeUnixNano']),
    failed: (raw['status'] as { code?: number } | undefined)?.code === 2,
    attributes: pairs(raw['attributes'] as readonly Pair[]),
  }
}
