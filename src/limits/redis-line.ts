import { countCall, type Script, scripts, takeLease } from './redis-scripts.ts'

export type Line = {
  /** Rejects when the answer is an error or late, and the line is over then. */
  ask(script: Script, keys: readonly string[], args: readonly string[]): Promise<readonly number[]>
  end(): void
  /** Resolves with the cause once the line is over. */
  readonly ended: Promise<unknown>
}

/** What is used of a Redis client that does not connect again by itself. */
export type Client = {
  connect(): Promise<unknown>
  sendCommand(words: readonly string[]): Promise<unknown>
  on(event: 'error', hear: (error: unknown) => void): unknown
  destroy(): void
}

const answerMs = 250
const openMs = 2000

class LateAnswer extends Error {
  readonly code = 'LATE_ANSWER'
}

/**
 * One connection to Redis, proved by writes and never mended: the first error or late answer ends it, and all that
 * wait for an answer learn so at once. Throws what kept it from opening.
 */
export async function openLine(client: Client): Promise<Line> {
  const ended = Promise.withResolvers<unknown>()
  let isOver = false

  function end(cause: unknown): void {
    if (isOver) return
    isOver = true
    client.destroy()
    ended.resolve(cause)
  }

  async function ask(script: Script, keys: readonly string[], args: readonly string[]): Promise<readonly number[]> {
    let isOpen = true
    // After a pause of this process the answer may lie there unread, so it is read for once before it is late.
    const late = setTimeout(() => setImmediate(() => isOpen && end(new LateAnswer())), answerMs)
    try {
      return numbersIn(await client.sendCommand(['EVALSHA', script.digest, String(keys.length), ...keys, ...args]))
    } catch (cause) {
      end(cause)
      throw cause
    } finally {
      isOpen = false
      clearTimeout(late)
    }
  }

  async function prove(): Promise<void> {
    await client.connect()
    await Promise.all(scripts.map(({ text }) => client.sendCommand(['SCRIPT', 'LOAD', text])))
    await ask(countCall, ['tollgate:probe:rate'], ['1000'])
    await ask(takeLease, ['tollgate:probe:slots'], ['1', '1000', 'probe'])
  }

  client.on('error', end)
  const late = setTimeout(() => end(new LateAnswer()), openMs)
  const cause = await Promise.race([prove().catch((error: unknown) => error), ended.promise])
  clearTimeout(late)
  if (cause === undefined) return { ask, end: () => end(new Error('closed')), ended: ended.promise }
  end(cause)
  throw cause
}

function numbersIn(answer: unknown): readonly number[] {
  if (Array.isArray(answer) && answer.every((item) => typeof item === 'number')) return answer
  throw new Error('Redis answered something else than numbers')
}
