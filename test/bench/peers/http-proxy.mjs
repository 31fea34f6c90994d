/**
 * @fastify/http-proxy as one would set it up to reach one upstream; it copies bytes and does nothing else.
 * node http-proxy.mjs PORT UPSTREAM_ORIGIN
 */
import httpProxy from '@fastify/http-proxy'
import fastify from 'fastify'

const [, , port, upstream] = process.argv
const app = fastify({ bodyLimit: 64 * 1024 * 1024 })
app.register(httpProxy, {
  upstream,
  prefix: '/sd',
  // Its default of 128 connections would make the calls beyond it wait.
  undici: { connections: 1024, pipelining: 1 },
  // The upstream's secret is put on here too, as by every gateway.
  replyOptions: { rewriteRequestHeaders: (_request, headers) => ({ ...headers, authorization: 'Bearer sk-bench' }) },
})
await app.listen({ host: '127.0.0.1', port: Number(port) })
