import { hash } from 'node:crypto'

/** What Redis runs as one step, so that a look and its effect cannot be parted by another replica. */
export type Script = { readonly text: string; readonly digest: string }

function script(text: string): Script {
  return { text, digest: hash('sha1', text, 'hex') }
}

/**
 * Counts one call in the window of KEYS[1], ARGV[1] milliseconds long; answers the count and what is left of the window.
 * The window starts anew if it was made shorter, or if Redis's clock was put back.
 */
export const countCall = script(`
  local count = redis.call('INCR', KEYS[1])
  local left = redis.call('PTTL', KEYS[1])
  if left < 0 or left > tonumber(ARGV[1]) then
    redis.call('PEXPIRE', KEYS[1], ARGV[1])
    left = tonumber(ARGV[1])
  end
  return {count, left}`)

/** Answers the count in the window of KEYS[1], at most ARGV[1] milliseconds long, and what is left of it; counts nothing. */
export const lookAtCount = script(`
  local left = redis.call('PTTL', KEYS[1])
  if left <= 0 then return {0, 0} end
  return {tonumber(redis.call('GET', KEYS[1])), math.min(left, tonumber(ARGV[1]))}`)

const clock = `
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)`

/**
 * Takes lease ARGV[3] for ARGV[2] milliseconds while fewer than ARGV[1] are taken in KEYS[1]; answers 1 or 0. Before it
 * refuses it shortens leases that end too late, which they do after Redis's clock was put back.
 */
export const takeLease = script(`${clock}
  redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
  local ends = now + ARGV[2]
  if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[1]) then
    for _, lease in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. ends, '+inf')) do
      redis.call('ZADD', KEYS[1], ends, lease)
    end
    return {0}
  end
  redis.call('ZADD', KEYS[1], ends, ARGV[3])
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  return {1}`)

/** Gives leases ARGV[2...] of KEYS[1] another ARGV[1] milliseconds, and puts those back that Redis has lost. */
export const renewLeases = script(`${clock}
  for index = 2, #ARGV do redis.call('ZADD', KEYS[1], now + ARGV[1], ARGV[index]) end
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
  return {#ARGV - 1}`)

/** Frees leases ARGV of KEYS[1]; answers how many there were. */
export const freeLeases = script(`
  return {redis.call('ZREM', KEYS[1], unpack(ARGV))}`)

/** Answers how many leases of KEYS[1] are taken. */
export const countLeases = script(`${clock}
  return {redis.call('ZCOUNT', KEYS[1], '(' .. now, '+inf')}`)

const microClock = `
  local time = redis.call('TIME')
  local now = time[1] * 1000000 + time[2]
  local interval, slack = tonumber(ARGV[1]), tonumber(ARGV[2])
  local due = tonumber(redis.call('GET', KEYS[1]) or 0)`

// Lua would write a number of that size with fewer digits.
const keepDue = `
  redis.call('SET', KEYS[1], string.format('%.0f', due), 'PX', math.ceil((due - now) / 1000) + 1000)`

/**
 * Takes a permit of KEYS[1], one every ARGV[1] microseconds and ahead of that by at most ARGV[2]; answers 0, or the
 * microseconds until it is worth asking again. What is due later than any permit could make it dates from before
 * Redis's clock was put back.
 */
export const takePermit = script(`${microClock}
  if due > now + slack + interval then
    due = now + slack + interval${keepDue}
  end
  if due - slack > now then return {math.ceil(due - slack - now)} end
  due = math.max(due, now) + interval${keepDue}
  return {0}`)

/** Gives an unused permit of KEYS[1] back. */
export const givePermitBack = script(`${microClock}
  if due <= now then return {0} end
  due = math.max(now, due - interval)${keepDue}
  return {1}`)

/** Loaded before a connection is used. */
export const scripts: readonly Script[] = [
  ...[countCall, lookAtCount, takeLease, renewLeases, freeLeases, countLeases],
  ...[takePermit, givePermitBack],
]
