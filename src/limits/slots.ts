export type Slot = { release(): void }

export type Slots = {
  /** A slot while fewer than `most` are taken under that id, else undefined; a promise only where others must be asked. */
  take(id: string, most: number): Slot | undefined | Promise<Slot | undefined>
  /** How many are taken in this process. */
  count(id: string): number
  /** How many are taken in all processes. */
  countAll(id: string): number | Promise<number>
}

/** Calls in flight by key or account. A slot is freed once, whoever frees it first; a crash frees all with the process. */
export function openSlots() {
  const taken = new Map<string, number>()

  /** A slot while fewer than `most` are taken under that id, else undefined. */
  function take(id: string, most: number): Slot | undefined {
    const count = taken.get(id) ?? 0
    if (count >= most) return undefined
    taken.set(id, count + 1)
    let held = true
    return {
      release() {
        if (!held) return
        held = false
        const left = (taken.get(id) ?? 1) - 1
        if (left === 0) taken.delete(id)
        else taken.set(id, left)
      },
    }
  }

  const count = (id: string) => taken.get(id) ?? 0
  return { take, count, countAll: count }
}
