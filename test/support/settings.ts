import assert from 'node:assert/strict'
import { ConfigFault, type Environment, loadConfig } from '../../src/config.ts'

/** A master token that must never turn up in a fault. */
export const canary = 'sk-CANARY7f3a9c2e5b8d1406'

export function faultsOf(env: Environment, readFile?: (path: string) => string): readonly string[] {
  try {
    loadConfig(env, readFile)
  } catch (error) {
    if (error instanceof ConfigFault) return error.faults
    throw error
  }
  return []
}

export function configOf(env: Environment) {
  return loadConfig(env).config
}

/** Every text is refused, and each fault names the setting first. */
export function refuses(name: string, texts: readonly string[], others: Environment = {}) {
  for (const text of texts) {
    const faults = faultsOf({ ...others, [name]: text })
    assert.ok(faults.length > 0, `${name}=${JSON.stringify(text)} was taken`)
    for (const fault of faults) assert.ok(fault.startsWith(`${name}: `), fault)
  }
}
