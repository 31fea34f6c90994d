import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import fastifyStatic from '@fastify/static'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Problem } from '../errors.ts'

/** What the build writes where the word of each page belongs. */
const placeholder = 'NONCE-OF-THIS-PAGE'
const hidden = { schema: { hide: true } }

/** The page may load nothing from elsewhere, talk to this house only, and be shown in no frame. */
function policyWith(nonce: string): string {
  return [
    ...["default-src 'self'", "script-src 'self'", `style-src 'self' 'nonce-${nonce}'`, "img-src 'self' blob: data:"],
    ...["connect-src 'self'", "object-src 'none'", "base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'"],
  ].join('; ')
}

/**
 * The pages as they were built: their files, whose names change with what is in them, and the one page at every other
 * path, which finds out in the browser what to show there.
 */
export async function built(scope: FastifyInstance, { folder }: { readonly folder: URL }): Promise<void> {
  scope.setNotFoundHandler(() => Promise.reject(new Problem('not_found')))
  await scope.register(fastifyStatic, {
    ...{ root: fileURLToPath(new URL('assets/', folder)), prefix: '/assets/', suppressWarning: true },
    ...{ index: false, dotfiles: 'ignore', decorateReply: false, preCompressed: true },
    ...{ maxAge: '1y', immutable: true },
  })
  const show = (request: FastifyRequest, reply: FastifyReply) => page(request, reply, folder)
  scope.get('/', { ...hidden, prefixTrailingSlash: 'slash' }, show)
  scope.get('/*', hidden, show)
  scope.get('/', { ...hidden, prefixTrailingSlash: 'no-slash' }, (_request, reply) => reply.redirect('dashboard/'))
}

async function page({ url }: FastifyRequest, reply: FastifyReply, folder: URL): Promise<FastifyReply> {
  // A file that is not there must not be answered with a page.
  if (/\.[^/]*$/.test(url.split('?')[0] ?? '')) throw new Problem('not_found')
  const text = await readFile(new URL('index.html', folder), 'utf8').catch(unbuilt)
  const nonce = randomBytes(18).toString('base64')
  reply.header('content-security-policy', policyWith(nonce)).header('cross-origin-opener-policy', 'same-origin')
  reply.header('cache-control', 'no-cache').type('text/html; charset=utf-8')
  return reply.send(text.replaceAll(placeholder, nonce))
}

function unbuilt(error: NodeJS.ErrnoException): never {
  if (error.code !== 'ENOENT') throw error
  const sentence = 'The pages of the dashboard are not built; npm run build does it.'
  throw new Problem('not_found', { sentence, cause: error })
}
