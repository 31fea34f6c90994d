export type Bytes = ReturnType<typeof openBytes>

/** A body of announced length on its way in. */
export type Upload = {
  readonly announced: number
  read(): number
  /** Ends it with a refusal. */
  refuse(): void
}

/** The bytes that one call keeps in memory. */
export type Load = {
  /** Counts bytes that are about to come in; false, and nothing counted, where they would pass the limit. */
  take(bytes: number): boolean
  /** Counts bytes that cannot be refused any more, such as those of an answer that was paid for. */
  add(bytes: number): void
  /** The upload that the bytes taken were announced for. */
  awaits(upload: Upload): void
  /** Gives all of them back, once; nothing is counted after it. */
  giveBack(): void
}

type Own = { upload: Upload | undefined; sinceMs: number; place: number; giveBack(): void }

const nowhere = -1

/** How often it is worth looking for uploads that are too slow. */
const lookMs = 100

/**
 * Request and answer bytes held in memory at once, in the whole process: past the limit nobody may begin. Room that
 * was only announced is lost to others who need it, once it is plain that the upload cannot be whole in `uploadMs`.
 */
export function openBytes(limitBytes: number, uploadMs: number) {
  // No Set: each time one makes room, what it held before outlives the collections of young objects with its new rows.
  const uploads: Own[] = []
  let inFlight = 0
  let lookedMs = Number.NEGATIVE_INFINITY

  function load(): Load {
    const own: Own = { upload: undefined, sinceMs: 0, place: nowhere, giveBack }
    let taken = 0
    let over = false

    function add(bytes: number): void {
      if (over) return
      taken += bytes
      inFlight += bytes
    }

    function take(bytes: number): boolean {
      if (inFlight + bytes > limitBytes) refuseSlow()
      if (inFlight + bytes > limitBytes) return false
      add(bytes)
      return true
    }

    function awaits(upload: Upload): void {
      if (over) return
      Object.assign(own, { upload, sinceMs: performance.now() })
      if (own.place === nowhere) own.place = uploads.push(own) - 1
    }

    function giveBack(): void {
      over = true
      inFlight -= taken
      taken = 0
      forget(own)
    }

    return { take, add, awaits, giveBack }
  }

  function forget(own: Own): void {
    const { place } = own
    if (place === nowhere) return
    own.place = nowhere
    const last = uploads.pop()
    if (!last || last === own) return
    last.place = place
    uploads[place] = last
  }

  function refuseSlow(): void {
    const nowMs = performance.now()
    if (nowMs - lookedMs < lookMs) return
    lookedMs = nowMs
    for (const own of [...uploads]) {
      if (!own.upload || !isHopeless(own.upload, nowMs - own.sinceMs)) continue
      own.upload.refuse()
      own.giveBack()
    }
  }

  // Where there is no room the house is slow too, so much has to be forgiven.
  function isHopeless(upload: Upload, passedMs: number): boolean {
    const due = Math.min(1, passedMs / uploadMs - 1 / 3) * upload.announced
    return upload.read() < due
  }

  return {
    load,
    limitBytes,
    get inFlight() {
      return inFlight
    },
  }
}
