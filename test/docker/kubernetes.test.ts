import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseAllDocuments } from 'yaml'
import { loadConfig, settings } from '../../src/config.ts'
import { bytesOf, defaultMs, longestCallMs, msOf, textOf } from './files.ts'

type Container = Readonly<{
  image: string
  env: readonly Readonly<{ name: string; value: string }>[]
  ports: readonly Readonly<{ name: string; containerPort: number }>[]
  resources: Readonly<{ limits: Readonly<{ memory: string }> }>
  livenessProbe: Readonly<{ httpGet: Readonly<{ path: string; port: string }> }>
  readinessProbe: Readonly<{ httpGet: Readonly<{ path: string; port: string }> }>
  startupProbe: Readonly<{ httpGet: Readonly<{ path: string; port: string }> }>
  securityContext: Readonly<Record<string, unknown>>
  volumeMounts: readonly Readonly<{ name: string; mountPath: string; readOnly?: boolean }>[]
  lifecycle?: Readonly<{ preStop: Readonly<{ exec: Readonly<{ command: readonly string[] }> }> }>
}>

type Pod = Readonly<{
  automountServiceAccountToken: boolean
  terminationGracePeriodSeconds: number
  securityContext: Readonly<Record<string, unknown>>
  containers: readonly Container[]
  volumes: readonly Readonly<{ name: string }>[]
}>

type Labels = Readonly<Record<string, string>>

type Thing = Readonly<{
  kind: string
  metadata: Readonly<{ name: string; namespace?: string; labels?: Labels }>
  spec: Readonly<{
    replicas: number
    template: Readonly<{ metadata: Readonly<{ labels: Labels }>; spec: Pod }>
    selector: Readonly<{ matchLabels: Labels }> & Labels
    volumeClaimTemplates?: readonly Readonly<{ metadata: Readonly<{ name: string }> }>[]
    rules: readonly Readonly<{ timeouts: Labels; retry?: unknown }>[]
    ports: readonly Readonly<{ targetPort: string }>[]
    podSelector: Readonly<{ matchLabels: Labels }>
    minAvailable: number
  }>
}>

function thingsIn(path: string): Thing[] {
  return parseAllDocuments(textOf(path), { version: '1.1' }).map((document) => {
    assert.deepEqual([...document.errors, ...document.warnings], [])
    return document.toJS()
  })
}

const files = { 'one.yaml': 'StatefulSet', 'replicas.yaml': 'Deployment' }

for (const [file, kind] of Object.entries(files)) {
  const things = thingsIn(`docker/kubernetes/${file}`)
  const of = (wanted: string) => things.filter((thing) => thing.kind === wanted)
  const [work] = of(kind)
  assert.ok(work)
  const pod = work.spec.template.spec
  const [container] = pod.containers
  assert.ok(container)

  test(`${file}: the pod fits the restricted standard, and its root can only be read`, () => {
    assert.equal(of('Namespace')[0]?.metadata.labels?.['pod-security.kubernetes.io/enforce'], 'restricted')
    assert.equal(pod.securityContext['runAsNonRoot'], true)
    assert.equal(pod.securityContext['runAsUser'], 1000)
    assert.deepEqual(pod.securityContext['seccompProfile'], { type: 'RuntimeDefault' })
    assert.deepEqual(container.securityContext, {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    })
    assert.equal(pod.automountServiceAccountToken, false)
  })

  test(`${file}: calls in flight have the time they need to end`, () => {
    const pauseMs = Number(/(\d+)\)$/.exec(container.lifecycle?.preStop.exec.command.at(-1) ?? '')?.[1] ?? 0)
    const graceMs = Number(container.env.find(({ name }) => name === 'SHUTDOWN_GRACE_MS')?.value)
    assert.equal(graceMs, defaultMs('shutdownGraceMs'))
    assert.ok(pod.terminationGracePeriodSeconds * 1000 >= pauseMs + graceMs + 10_000)
    // One pod has nobody to hand over to; of several, the balancers hear of it before the process does.
    assert.equal(pauseMs > 0, kind === 'Deployment')
  })

  test(`${file}: it lives by /health, is ready by /ready, on the port it has`, () => {
    assert.deepEqual(container.ports, [{ name: 'http', containerPort: Number(settings.port.fallback) }])
    assert.deepEqual(container.livenessProbe.httpGet, { path: '/health', port: 'http' })
    assert.deepEqual(container.startupProbe.httpGet, { path: '/health', port: 'http' })
    assert.deepEqual(container.readinessProbe.httpGet, { path: '/ready', port: 'http' })
    assert.equal(of('Service')[0]?.spec.ports[0]?.targetPort, 'http')
  })

  test(`${file}: the memory has room for all bytes in flight and as much again`, () => {
    const inFlight = Number(container.env.find(({ name }) => name === 'BYTES_IN_FLIGHT_LIMIT')?.value)
    assert.ok(bytesOf(container.resources.limits.memory) >= 2 * inFlight + 2 ** 28)
  })

  test(`${file}: what belongs together finds each other by its labels and names`, () => {
    const labels = work.spec.template.metadata.labels
    assert.deepEqual(work.spec.selector.matchLabels, labels)
    assert.deepEqual(of('Service')[0]?.spec.selector, labels)
    for (const budget of of('PodDisruptionBudget')) assert.deepEqual(budget.spec.selector.matchLabels, labels)
    for (const policy of of('NetworkPolicy')) assert.deepEqual(policy.spec.podSelector.matchLabels, labels)
    for (const { kind: each, metadata } of things)
      if (each !== 'Namespace') assert.equal(metadata.namespace, 'tollgate')
    const claimed = (work.spec.volumeClaimTemplates ?? []).map(({ metadata }) => metadata.name)
    const volumes = [...pod.volumes.map(({ name }) => name), ...claimed]
    assert.deepEqual(container.volumeMounts.map(({ name }) => name).sort(), volumes.sort())
  })

  test(`${file}: the settings of the gateway can be read, and every secret is a file`, () => {
    const env = Object.fromEntries(container.env.map(({ name, value }) => [name, value]))
    const read = (path: string) => {
      assert.ok(path.startsWith('/run/secrets/tollgate/'))
      if (path.endsWith('database_url')) return 'postgres://t:p@postgres/t'
      return path.endsWith('redis_url') ? 'redis://:p@redis:6379' : 'sk-0f3a9c2e5b8d1406a1b27c'
    }
    assert.deepEqual(loadConfig({ ...env, HOST: '0.0.0.0' }, read).warnings, [])
    assert.equal(container.volumeMounts.find(({ name }) => name === 'secrets')?.readOnly, true)
  })
}

test('one.yaml: never two servers on one ledger', () => {
  const [work] = thingsIn('docker/kubernetes/one.yaml').filter(({ kind }) => kind === 'StatefulSet')
  assert.equal(work?.spec.replicas, 1)
})

test('replicas.yaml: more than one, one always up, and a way in that waits long enough and sends nothing twice', () => {
  const things = thingsIn('docker/kubernetes/replicas.yaml')
  const [work] = things.filter(({ kind }) => kind === 'Deployment')
  const [budget] = things.filter(({ kind }) => kind === 'PodDisruptionBudget')
  const [route] = things.filter(({ kind }) => kind === 'HTTPRoute')
  assert.ok((work?.spec.replicas ?? 0) >= 2)
  assert.equal(budget?.spec.minAvailable, 1)
  for (const { timeouts, retry } of route?.spec.rules ?? []) {
    assert.ok(msOf(timeouts['request']) > longestCallMs)
    assert.ok(msOf(timeouts['backendRequest']) > longestCallMs)
    assert.equal(retry, undefined)
  }
  assert.equal(route?.spec.rules.length, 1)
})
