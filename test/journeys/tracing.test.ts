import assert from 'node:assert/strict'
import { type AddressInfo, createServer } from 'node:net'
import { type TestContext, test } from 'node:test'
import { noTrace, openTracing } from '../../src/tracing.ts'
import { openCollector, type Span } from '../support/collector.ts'
import { adminKey, behind, masterToken, openTestHouse } from '../support/house.ts'
import { openPlace } from '../support/process.ts'
import { opened } from '../support/stand-in-client.ts'

async function traced(t: TestContext, env: Record<string, string> = {}) {
  const [standIn, collector] = [await opened(t), await openCollector(t)]
  const house = await openTestHouse(t, behind(standIn, { OTEL_EXPORTER_OTLP_ENDPOINT: collector.origin, ...env }))
  const { secret } = await house.key(await house.account(1000))
  return { standIn, collector, house, secret }
}

const names = (spans: readonly Span[]) => spans.map(({ name }) => name)
const idOf = (reply: { headers: Readonly<Record<string, string | undefined>> }) => String(reply.headers['x-request-id'])
const wholeCall = ['call', 'gate', 'body', 'turn', 'hold', 'forward', 'judge', 'settle', 'reply']

test('a paid call is one span with one for each step under it, in order and without a gap', async (t) => {
  const { collector, house, secret } = await traced(t)
  const reply = await house.client.call(secret, { prompt: 'a lighthouse' })
  assert.equal(reply.status, 200)
  const [call, ...steps] = await collector.of(idOf(reply))
  assert.ok(call)
  assert.deepEqual(names([call, ...steps]), wholeCall)
  const { 'tollgate.offer': offer, 'tollgate.outcome': outcome, 'http.response.status_code': status } = call.attributes
  assert.deepEqual([offer, outcome, status, call.failed], ['stable-image-core', 'succeeded', 200, false])
  const forward = steps.find(({ name }) => name === 'forward')
  assert.match(String(forward?.attributes['tollgate.token']), /^tok_/)
  assert.equal(forward?.attributes['http.response.status_code'], 200)
  for (const [index, step] of steps.entries()) {
    assert.equal(step.traceId, call.traceId)
    assert.ok(step.startMs >= call.startMs - 1 && step.endMs <= call.endMs + 1, step.name)
    assert.ok(index === 0 || step.startMs >= (steps[index - 1]?.endMs ?? 0) - 1, step.name)
  }
  assert.equal(collector.resource['service.name'], 'tollgate')
  await house.balanced()
})

test('a load run leaves a whole trace of every call, and no key, token or prompt in any', async (t) => {
  const { collector, house, secret } = await traced(t)
  const replies = await Promise.all(
    Array.from({ length: 100 }, (_, number) => house.client.call(secret, { prompt: `SECRET-PROMPT ${number}` })),
  )
  for (const reply of replies) {
    assert.equal(reply.status, 200)
    assert.deepEqual(names(await collector.of(idOf(reply))), wholeCall)
  }
  await house.client.json('GET', `/admin/v1/accounts?q=${secret}`, undefined, { authorization: `Bearer ${adminKey}` })
  await house.client.json('GET', `/admin/v1/accounts/${secret}`, undefined, { authorization: `Bearer ${adminKey}` })
  await house.balanced()
  await house.close(2000)
  const all = collector.texts.join('')
  assert.ok(all.includes('/admin/v1/accounts/:id'))
  for (const word of [secret, masterToken, masterToken.slice(-12), adminKey, 'SECRET-PROMPT', 'acc_', 'key_']) {
    assert.ok(!all.includes(word), word)
  }
})

test('every attempt is a span of its own, and a failed call says why', async (t) => {
  const { standIn, collector, house, secret } = await traced(t, {
    UPSTREAM_TOKENS: 'sk-first-token-0001,sk-second-token-0002',
  })
  standIn.tokenMode('sk-first-token-0001', 'status-402')
  standIn.tokenMode('sk-second-token-0002', 'status-500')
  const reply = await house.client.call(secret, { prompt: 'x' })
  assert.equal(reply.status, 500)
  const [call, ...steps] = await collector.of(idOf(reply))
  const forwards = steps.filter(({ name }) => name === 'forward')
  assert.deepEqual(forwards.at(-1)?.attributes['http.response.status_code'], 500)
  assert.equal(forwards.length, standIn.calls.length)
  assert.ok(forwards.every(({ failed }) => failed))
  assert.ok(names(steps).includes('release') && !names(steps).includes('settle'))
  assert.deepEqual([call?.failed, call?.attributes['tollgate.outcome']], [true, 'failed'])
  await house.balanced()
})

test('a refused call ends at the step that refused it', async (t) => {
  const { collector, house, secret } = await traced(t)
  const stranger = await house.client.call('nobody', { prompt: 'x' })
  assert.deepEqual(names(await collector.of(idOf(stranger))), ['call', 'gate'])
  const wrong = await house.client.call(secret, { prompt: 'x', seed: 'many' })
  const [call, ...steps] = await collector.of(idOf(wrong))
  assert.deepEqual(names(steps), ['gate', 'body'])
  assert.deepEqual(
    [call?.attributes['tollgate.outcome'], call?.attributes['tollgate.reason']],
    ['refused', 'bad_request'],
  )
})

test('a traceparent is taken as the parent, a broken one is not, and the upstream sees neither', async (t) => {
  const { standIn, collector, house, secret } = await traced(t)
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
  const ask = async (traceparent: string) => {
    const reply = await house.client.call(secret, { prompt: 'x' }, { headers: { traceparent, tracestate: 'a=b' } })
    return (await collector.of(idOf(reply)))[0]
  }
  const call = await ask(`00-${traceId}-00f067aa0ba902b7-01`)
  assert.deepEqual([call?.traceId, call?.parentSpanId], [traceId, '00f067aa0ba902b7'])
  const broken = [
    `ff-${traceId}-00f067aa0ba902b7-01`,
    `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`,
    `00-${traceId}-00f067aa0ba902b7-01-more`,
    'not one',
  ]
  for (const traceparent of broken) {
    const own = await ask(traceparent)
    assert.ok(own && own.traceId !== traceId && !own.parentSpanId, traceparent)
  }
  const other = { authorization: `Bearer ${adminKey}`, traceparent: `00-${traceId}-00f067aa0ba902b8-01` }
  await house.client.json('GET', '/admin/v1/offers', undefined, other)
  for (const { rawHeaders } of standIn.calls) assert.doesNotMatch(rawHeaders.join(), /traceparent|tracestate/i)
  await house.close(2000)
  const request = collector.spans.find(({ parentSpanId }) => parentSpanId === '00f067aa0ba902b8')
  assert.deepEqual([request?.name, request?.attributes['http.route']], ['request', '/admin/v1/offers'])
})

test('a caller who asks not to be traced is served and not traced', async (t) => {
  const { collector, house, secret } = await traced(t)
  const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00'
  assert.equal((await house.client.call(secret, { prompt: 'x' }, { headers: { traceparent } })).status, 200)
  await house.close(2000)
  assert.deepEqual(collector.spans, [])
})

/** A port on which whoever connects hears nothing, and one on which nobody listens. */
async function deadEnds(t: TestContext): Promise<Record<string, string>> {
  const [silent, gone] = [createServer((socket) => socket.on('error', () => undefined)), createServer()]
  for (const server of [silent, gone]) await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const [one, other] = [silent, gone].map((server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  await new Promise((resolve) => gone.close(resolve))
  t.after(() => silent.close())
  return { 'never answers': one ?? '', 'is not there': other ?? '' }
}

test('a collector that is not there, or never answers, harms no call and is told once', async (t) => {
  for (const [what, endpoint] of Object.entries(await deadEnds(t))) {
    const standIn = await opened(t)
    const house = await openTestHouse(t, behind(standIn, { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint }))
    const { secret } = await house.key(await house.account(100))
    const told = () => house.lines.filter(({ reason }) => reason === 'otel')
    for (let tries = 1000; told().length === 0; tries--) {
      assert.ok(tries > 0, `nobody said that the collector ${what}`)
      if (tries % 100 === 0) assert.equal((await house.client.call(secret, { prompt: 'x' })).status, 200)
      await new Promise((wake) => setTimeout(wake, 10))
    }
    assert.equal((await house.client.call(secret, { prompt: 'x' })).status, 200)
    await house.balanced()
    await house.close(2000)
    assert.equal(told().length, 1, what)
  }
})

test('what is left is sent when the process is told to stop', async (t) => {
  const [standIn, collector, place] = [await opened(t), await openCollector(t), openPlace(t)]
  const { secret } = await place.furnish(100)
  const house = await place.start(behind(standIn, { OTEL_EXPORTER_OTLP_ENDPOINT: collector.origin }))
  const reply = await house.client.call(secret, { prompt: 'x' })
  house.kill('SIGTERM')
  assert.equal((await house.ended).code, 0)
  assert.deepEqual(names(await collector.of(idOf(reply))), wholeCall)
})

test('without an endpoint every call has the same trace, which does nothing, and no tracing code is loaded', async (t) => {
  const tracing = await openTracing(undefined, '1', () => undefined)
  assert.equal(tracing.call({}, 'call_1', 'an-offer'), noTrace)
  assert.equal(tracing.call({}, 'call_2', 'an-offer'), noTrace)
  assert.equal(tracing.plugin, undefined)
  const place = openPlace(t)
  const program = `
    import { registerHooks } from 'node:module'
    registerHooks({ load(url, context, next) {
      if (/@opentelemetry.(sdk|exporter|resources)|@fastify.otel/.test(url)) console.log('LOADED ' + url)
      return next(url, context)
    } })
    await import(${JSON.stringify(new URL('../../src/house.ts', import.meta.url).href)})
    console.log('DONE')`
  const command = [process.execPath, '--input-type=module', '-e', program] as const
  const { stdout } = await place.run({ command: [...command] })
  assert.match(stdout, /DONE/)
  assert.doesNotMatch(stdout, /LOADED/)
})
