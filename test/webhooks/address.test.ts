import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mayReach, urlFaults } from '../../src/webhooks/address.ts'

const privates = [
  ...['0.0.0.0', '0.1.2.3', '10.0.0.1', '100.64.0.1', '100.127.255.255', '127.0.0.1', '127.255.0.1', '169.254.169.254'],
  ...['172.16.0.1', '172.31.255.255', '192.0.0.8', '192.0.2.1', '192.168.1.1', '198.18.0.1', '198.19.255.1'],
  ...['198.51.100.1', '203.0.113.9', '224.0.0.1', '239.1.1.1', '240.0.0.1', '255.255.255.255'],
  ...['::', '::1', '::ffff:127.0.0.1', '::ffff:7f00:1', '::ffff:10.1.2.3', '::ffff:8.8.8.8', '::127.0.0.1', '::7f00:1'],
  ...['64:ff9b::10.0.0.1', '64:ff9b::a9fe:a9fe', '64:ff9b:1::1', '100::1', '2001::1', '2001:10::1', '2001:db8::1'],
  ...['2002:7f00:1::1', '3fff::1', 'fc00::1', 'fd12:3456::1', 'fe80::1', 'fe80::1%eth0', 'fec0::1', 'ff02::1'],
]
const publics = [
  ...[
    '1.1.1.1',
    '8.8.8.8',
    '100.63.255.255',
    '100.128.0.1',
    '172.15.0.1',
    '172.32.0.1',
    '192.167.1.1',
    '223.255.255.1',
  ],
  ...['2606:4700::1111', '2a00:1450:4001::1', '2001:4860:4860::8888', '64:ff9b::8.8.8.8'],
]

test('no address is reached that is not on the public internet', () => {
  for (const address of privates) assert.equal(mayReach(address, false), false, address)
  for (const address of publics) assert.equal(mayReach(address, false), true, address)
  for (const text of ['', 'localhost', '127.1', '1.2.3.4.5', '[::1]']) assert.equal(mayReach(text, false), false, text)
})

test('allowed private addresses are reached, and those where nobody can be are not', () => {
  const nowhere = new Set([
    '0.0.0.0',
    '0.1.2.3',
    '::',
    '224.0.0.1',
    '239.1.1.1',
    '240.0.0.1',
    '255.255.255.255',
    'ff02::1',
  ])
  for (const address of [...privates, ...publics]) {
    assert.equal(mayReach(address, true), !nowhere.has(address), address)
  }
})

test('a URL that nothing may be sent to is told why, without a word of it', () => {
  const refused = [
    ['http://example.com/', 'must begin with https://'],
    ['ftp://example.com/', 'must begin with https://'],
    ['javascript:alert(1)', 'must be a URL'],
    ['file:///etc/passwd', 'must be a URL'],
    ['https://', 'must be a URL'],
    ['example.com/hooks', 'must be a URL'],
    ['https://exa mple.com/', 'must be a URL'],
    ['https://example.com/\n', 'must be a URL'],
    ['https://exämple.com/', 'must be a URL'],
    ['https://user@example.com/', 'user info'],
    ['https://user:CANARY@example.com/', 'user info'],
    ['https://example.com:0/', 'port 0'],
    ['https://example.com:99999/', 'must be a URL'],
    ['https://example.com/#CANARY', 'fragment'],
    [`https://example.com/${'x'.repeat(2048)}`, 'at most 2048 characters'],
    ...['127.0.0.1', '127.1', '2130706433', '0x7f000001', '0177.0.0.1', '[::1]', '[::ffff:127.0.0.1]', '[fd00::1]'].map(
      (host) => [`https://${host}/`, 'private address'] as const,
    ),
    ...['localhost', 'LOCALHOST.', 'x.localhost', '169.254.169.254'].map(
      (host) => [`https://${host}:8443/`, 'private address'] as const,
    ),
  ] as const
  for (const [url, about] of refused) {
    const faults = urlFaults(url, false).join('; ')
    assert.ok(faults.includes(about), `${url}: ${faults}`)
    assert.ok(!faults.includes('CANARY'))
  }
})

test('good URLs are good, and plain http is where private addresses are allowed', () => {
  const good = [
    'https://example.com',
    'https://example.com:8443/a?b=c',
    'https://1.1.1.1/',
    'https://[2606:4700::1111]/',
  ]
  for (const url of good) assert.deepEqual(urlFaults(url, false), [], url)
  for (const url of [
    ...good,
    'http://127.0.0.1:9/x',
    'http://localhost/',
    'https://[::1]/',
    'http://n8n.internal:5678/',
  ]) {
    assert.deepEqual(urlFaults(url, true), [], url)
  }
  assert.deepEqual(urlFaults('ftp://127.0.0.1/', true), ['must begin with https://'])
  assert.deepEqual(urlFaults('http://0.0.0.0/', true), ['must not be a private address'])
})
