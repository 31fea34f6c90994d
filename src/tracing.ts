import type { IncomingHttpHeaders } from 'node:http'
import type { FastifyPluginCallback } from 'fastify'

/** What a paid call goes through, beside what is sent upstream; each lasts until the next begins. */
export type Step = 'gate' | 'body' | 'turn' | 'hold' | 'judge' | 'settle' | 'release' | 'reply'

/** One paid call as it is traced. Nothing told here may be a secret, or what a caller wrote. */
export type Trace = {
  /** What went before is over and this begins. */
  at(step: Step): void
  /** The same for one sending to the upstream. */
  forwards(tokenId: string): void
  /** That sending is over; status 0 where no head came, `reason` empty where the answer came whole. */
  forwarded(status: number, reason: string): void
  end(outcome: string, reason: string, status: number | undefined): void
}

export type Tracing = {
  /** `traceparent` among the headers makes this call a part of the caller's trace (W3C Trace Context). */
  call(headers: IncomingHttpHeaders, callId: string, offer: string): Trace
  /** Traces requests at all other doors. */
  readonly plugin: FastifyPluginCallback | undefined
  /** Sends what is left, for two seconds at most. */
  close(): Promise<void>
}

const nothing = (): void => undefined

/** Shared by all calls of a house that does not trace: no object is made and no clock is read. */
export const noTrace: Trace = { at: nothing, forwards: nothing, forwarded: nothing, end: nothing }

const noTracing: Tracing = { call: () => noTrace, plugin: undefined, close: async () => undefined }

/** Traces to the collector at that address; without one the libraries for it are not even loaded. */
export async function openTracing(
  endpoint: string | undefined,
  version: string,
  warn: (why: string) => void,
): Promise<Tracing> {
  if (endpoint === undefined) return noTracing
  const { traceTo } = await import('./opentelemetry.ts')
  return traceTo(endpoint, version, warn)
}
