// The health check of the container: no shell, no curl, and none of the house's own code.
// node docker/check-health.mjs          the process answers
// node docker/check-health.mjs /ready   calls can be served
import { get } from 'node:http'

const path = process.argv[2] ?? '/health'
const host = ['0.0.0.0', '::', undefined, ''].includes(process.env.HOST) ? '127.0.0.1' : process.env.HOST
const request = get({ host, port: process.env.PORT || 8080, path, agent: false, timeout: 4000 }, (answer) => {
  answer.resume()
  process.exitCode = answer.statusCode === 200 ? 0 : 1
})
request.on('timeout', () => request.destroy(new Error('no answer within 4 s')))
request.on('error', (error) => {
  console.error(error.message)
  process.exitCode = 1
})
