import type { FastifyInstance } from 'fastify'

/**
 * Watches the routes being made; the answer tells which methods a path has, none for an unknown one, so that a wrong
 * method is 405 with `Allow` (RFC 9110 section 15.5.6) whatever the method is.
 */
export function allowedMethods(app: FastifyInstance): (url: string) => readonly string[] {
  const routes: { pattern: RegExp; methods: string[] }[] = []
  app.addHook('onRoute', ({ url, method }) => {
    const pattern = new RegExp(
      `^${url
        .replaceAll(/[.+^$(){}|[\]\\]/g, '\\$&')
        .replaceAll(/:\w+/g, '[^/]+')
        .replaceAll('*', '.*')}$`,
    )
    routes.push({ pattern, methods: [method].flat() })
  })
  return (url) => {
    const path = url.split('?')[0] ?? ''
    return [...new Set(routes.flatMap(({ pattern, methods }) => (pattern.test(path) ? methods : [])))].sort()
  }
}
