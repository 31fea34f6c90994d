import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadConfig } from '../../src/config.ts'
import { bytesOf, defaultMs, textOf } from './files.ts'

const unit = textOf('docker/systemd/tollgate.service')

function valuesOf(name: string): string[] {
  return [...unit.matchAll(new RegExp(`^${name}=(.*)$`, 'gm'))].map(([, value]) => value ?? '')
}

test('the unit starts node itself, as a user of its own, and stops it in its own time', () => {
  assert.deepEqual(valuesOf('ExecStart'), ['/usr/bin/node src/server.ts'])
  assert.deepEqual(valuesOf('User'), ['tollgate'])
  assert.ok(Number(valuesOf('TimeoutStopSec')[0]) * 1000 >= defaultMs('shutdownGraceMs') + 10_000)
  assert.deepEqual(valuesOf('Restart'), ['on-failure'])
  assert.deepEqual(valuesOf('RestartPreventExitStatus'), ['65 75 78'])
})

test('the unit can write to the folder of the ledger and to nothing else', () => {
  assert.deepEqual(valuesOf('ProtectSystem'), ['strict'])
  assert.deepEqual(valuesOf('StateDirectory'), ['tollgate'])
  assert.deepEqual(valuesOf('StateDirectoryMode'), ['0700'])
  assert.deepEqual(valuesOf('ReadWritePaths'), [])
  assert.deepEqual(valuesOf('NoNewPrivileges'), ['yes'])
  assert.deepEqual(valuesOf('CapabilityBoundingSet'), [''])
})

test('the settings of the unit can be read, and its secrets are credentials', () => {
  const env = Object.fromEntries(valuesOf('Environment').map((line) => line.split(/=(.*)/s, 2)))
  const credentials = valuesOf('LoadCredential').map((line) => line.split(':')[0])
  const read = (path: string) => {
    assert.ok(credentials.includes(path.replace('%d/', '')), path)
    return 'sk-0f3a9c2e5b8d1406a1b27c'
  }
  const { config, warnings } = loadConfig(env, read)
  assert.deepEqual(warnings, [])
  assert.deepEqual(config.database, { kind: 'sqlite', path: '/var/lib/tollgate/tollgate.db' })
  assert.ok(bytesOf(valuesOf('MemoryMax')[0]) >= 2 * config.bytesInFlightLimit + 2 ** 28)
})
