import { collectDefaultMetrics, Registry } from 'prom-client'

let registry: Registry | undefined

/**
 * What every Node process can tell of itself. There is one of it in a process, since its watchers cannot be stopped, and
 * none at all until somebody asks.
 */
export function processMetrics(): Registry {
  if (registry) return registry
  registry = new Registry()
  // The watch of the event loop wakes the process that often; every 20 ms costs an idle house half a percent of a core.
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 20 })
  return registry
}
