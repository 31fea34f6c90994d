import type { IncomingHttpHeaders } from 'node:http'
import { FastifyOtelInstrumentation } from '@fastify/otel'
import {
  type Context,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type TextMapPropagator,
  TraceFlags,
  type Tracer,
  trace,
} from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources'
import {
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  type SpanExporter,
  TracerProvider,
} from '@opentelemetry/sdk-trace'
import type { Step, Trace, Tracing } from './tracing.ts'

const flushMs = 2000

/** Traces to a collector over OTLP/HTTP. One that does not answer costs spans and a warning, and nothing else. */
export function traceTo(endpoint: string, version: string, warn: (why: string) => void): Tracing {
  const exporter = new OTLPTraceExporter({
    url: `${endpoint.replace(/\/+$/, '')}/v1/traces`,
    timeoutMillis: 5000,
  })
  const named = resourceFromAttributes({ 'service.name': 'tollgate', 'service.version': version })
  const provider = new TracerProvider({
    // OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win.
    resource: named.merge(detectResources({ detectors: [envDetector] })),
    sampler: new ParentBasedSampler({ root: new AlwaysOnSampler() }),
    spanProcessors: [
      new BatchSpanProcessor({
        ...{ exporter: telling(exporter, warn), maxQueueSize: 8192, maxExportBatchSize: 512 },
        ...{ scheduledDelayMillis: 1000, exportTimeoutMillis: 6000 },
      }),
    ],
  })
  const tracer = provider.getTracer('tollgate', version)
  return {
    call: (headers, callId, offer) => new CallTrace(tracer, contextOf(headers), callId, offer),
    plugin: otherDoors(provider),
    close: () => inTime(provider.shutdown()),
  }
}

/** Waits for the last spans, but not for a collector that does not take them. */
async function inTime(flushed: Promise<void>): Promise<void> {
  const late = Promise.withResolvers<void>()
  const timer = setTimeout(late.resolve, flushMs)
  await Promise.race([flushed.catch(() => undefined), late.promise])
  clearTimeout(timer)
}

/** Says once that spans are lost, and again when they were taken in between. */
function telling(exporter: SpanExporter, warn: (why: string) => void): SpanExporter {
  let told = false
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        const lost = result.code !== 0
        if (lost && !told) warn(result.error?.name ?? 'unknown')
        told = lost
        done(result)
      })
    },
    shutdown: () => exporter.shutdown(),
  }
}

class CallTrace implements Trace {
  readonly #tracer: Tracer
  readonly #call: Span
  readonly #within: Context
  #step: Span | undefined

  constructor(tracer: Tracer, parent: Context, callId: string, offer: string) {
    this.#tracer = tracer
    const attributes = { 'tollgate.call': callId, 'tollgate.offer': offer }
    this.#call = tracer.startSpan('call', { kind: SpanKind.SERVER, attributes }, parent)
    this.#within = trace.setSpan(parent, this.#call)
    this.at('gate')
  }

  at(step: Step): void {
    this.#step?.end()
    this.#step = this.#tracer.startSpan(step, {}, this.#within)
  }

  forwards(tokenId: string): void {
    this.#step?.end()
    const attributes = { 'tollgate.token': tokenId }
    this.#step = this.#tracer.startSpan('forward', { kind: SpanKind.CLIENT, attributes }, this.#within)
  }

  forwarded(status: number, reason: string): void {
    const step = this.#step
    this.#step = undefined
    if (status > 0) step?.setAttribute('http.response.status_code', status)
    if (reason !== '') step?.setAttribute('tollgate.reason', reason)
    if (reason !== '' || status >= 400) step?.setStatus({ code: SpanStatusCode.ERROR })
    step?.end()
  }

  end(outcome: string, reason: string, status: number | undefined): void {
    this.#step?.end()
    this.#call.setAttributes({ 'tollgate.outcome': outcome, 'tollgate.reason': reason })
    if (status !== undefined) this.#call.setAttribute('http.response.status_code', status)
    if (status !== undefined && status >= 500) this.#call.setStatus({ code: SpanStatusCode.ERROR })
    this.#call.end()
  }
}

// https://www.w3.org/TR/trace-context/#traceparent-header: later versions may append fields behind another dash.
const traceparent = /^(?!ff)([\da-f]{2})-(?!0{32})([\da-f]{32})-(?!0{16})([\da-f]{16})-([\da-f]{2})(-.*)?$/

function contextOf(headers: IncomingHttpHeaders, within = ROOT_CONTEXT): Context {
  const header = headers['traceparent']
  const [, version, traceId, spanId, flags = '', more] = (typeof header === 'string' && traceparent.exec(header)) || []
  if (!traceId || !spanId || (version === '00' && more !== undefined)) return within
  const traceFlags = Number.parseInt(flags, 16) & TraceFlags.SAMPLED
  return trace.setSpanContext(within, { traceId, spanId, traceFlags, isRemote: true })
}

/**
 * The plugin ends a request's span before the reply is out, and never when the caller has left; a paid call goes on
 * after that, so its span is ours. Probes and scrapes would only be noise.
 */
const notThere = /^\/(sd\/v2beta|v2beta|health|ready|metrics)(\/|\?|$)/

function otherDoors(provider: TracerProvider): Tracing['plugin'] {
  const instrumentation = new FastifyOtelInstrumentation({
    ...{ instrumentHooks: false, instrumentHandler: false, recordExceptions: false },
    ignorePaths: ({ url }) => notThere.test(url),
    // What stands in a path or behind it is the caller's, and may be a key sent to the wrong place.
    requestHook: (span, { routeOptions }) => void span.setAttribute('url.path', routeOptions.url ?? ''),
  })
  instrumentation.setTracerProvider(provider)
  propagation.setGlobalPropagator(incoming)
  return instrumentation.plugin()
}

/** Nothing is handed on: what goes upstream is an allow-list of headers. */
const incoming: TextMapPropagator<IncomingHttpHeaders> = {
  inject: () => undefined,
  extract: (within, headers) => contextOf(headers, within),
  fields: () => ['traceparent'],
}
