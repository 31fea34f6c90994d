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

type Own = { upload: Upload | undefined; sinceMs: number; giveBack(): void }

/** How often it is worth looking for uploads that are too slow. */
const lookMs = 100

/**
 * Request and answer bytes held in memory at once, in the whole process: past the limit nobody may begin. Room that
 * was only announced is lost to others who need it, once it is plain that the upload cannot be whole in `uploadMs`.
 */
export function openBytes(limitBytes: number, uploadMs: number) {
  const uploads = new Set<Own>()
  let inFlight = 0
  let lookedMs = Number.NEGATIVE_INFINITY

  function load(): Load {
    const own: Own = { upload: undefined, sinceMs: 0, giveBack }
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
      uploads.add(own)
    }

    function giveBack(): void {
      over = true
      inFlight -= taken
      taken = 0
      uploads.delete(own)
    }

    return { take, add, awaits, giveBack }
  }

  function refuseSlow(): void {
    const nowMs = performance.now()
    if (nowMs - lookedMs < lookMs) return
    lookedMs = nowMs
    for (const own of uploads) {
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
