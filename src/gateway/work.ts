export type Work = ReturnType<typeof openWork>

/** The calls being worked on, so that a closing house can refuse new ones and wait for these. */
export function openWork() {
  const open = new Set<string>()
  let closing = false
  let whenIdle: (() => void) | undefined

  async function working<Result>(callId: string, work: Promise<Result>): Promise<Result> {
    open.add(callId)
    try {
      return await work
    } finally {
      open.delete(callId)
      if (open.size === 0) whenIdle?.()
    }
  }

  /** Takes no more calls and resolves when the last one is done, or after so many milliseconds. */
  async function finish(graceMs: number): Promise<void> {
    closing = true
    if (open.size === 0) return
    const idle = new Promise<void>((resolve) => {
      whenIdle = resolve
    })
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, graceMs)
    })
    await Promise.race([idle, late])
    clearTimeout(timer)
  }

  return { working, finish, closing: () => closing, left: () => [...open] }
}
