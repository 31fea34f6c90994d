import type { Config } from '../config.ts'
import { openRedis } from '../limits/redis.ts'
import { openLog } from '../log.ts'
import { type Purse, purses } from '../upstream/purse.ts'
import { type Finding, fail, ok, warn } from './finding.ts'
import { sentencesOf } from './tool.ts'

/** Whether Redis, where there should be one, takes what the house writes. */
export async function checkRedis({ redisUrl }: Config): Promise<Finding[]> {
  if (!redisUrl) return []
  try {
    const redis = await openRedis(redisUrl, openLog('silent', false, { write: () => undefined }))
    const { state } = redis
    await redis.close()
    if (state === 'up') return [ok('redis', 'takes writes')]
    return [fail('redis', 'REDIS_URL: nothing answers there; rates and slots are kept by each replica alone')]
  } catch (error) {
    return [fail('redis', sentencesOf(error).join(' '))]
  }
}

/** Asks the upstream about every master token, and for the time. */
export async function checkUpstream(config: Config): Promise<Finding[]> {
  const found = await purses(config)
  if (found.length === 0) return [ok('tokens', 'skipped: in sandbox mode nothing leaves this machine')]
  const clock = found.find(({ aheadMs }) => aheadMs !== undefined)?.aheadMs
  return [...found.map(standing), ...(clock === undefined ? [] : [checkClock(clock)])]
}

function standing({ hint, state, credits, reason }: Purse): Finding {
  const token = `token ...${hint}`
  const told = {
    active: ok('tokens', `${token} is active: ${credits} credits at the upstream`),
    empty: fail('tokens', `${token} is empty: its account at the upstream has no credits`),
    revoked: fail('tokens', `${token} is refused by the upstream: revoked or mistyped`),
    limited: warn('tokens', `${token} cannot be judged: the upstream takes no more calls at the moment`),
    strange: warn('tokens', `${token} cannot be judged: ${reason}; does UPSTREAM_URL point at the right place?`),
    unreachable: fail('tokens', `${token} cannot be judged: UPSTREAM_URL is unreachable (${reason})`),
  } satisfies Record<Purse['state'], Finding>
  return told[state]
}

// A Date header counts whole seconds and may have been on its way for some.
const slackMs = 10_000

function checkClock(aheadMs: number): Finding {
  const told = `${Math.round(Math.abs(aheadMs) / 1000)} s ${aheadMs > 0 ? 'behind' : 'ahead of'} the upstream`
  return Math.abs(aheadMs) > slackMs ? warn('clock', `${told}: set it by NTP`) : ok('clock', told)
}
