import { hash } from 'node:crypto'

export type TokenState = 'active' | 'cooling' | 'empty' | 'revoked'

/** A master token as the other rooms may know it: they can have a request signed, and never read the secret. */
export type Token = {
  readonly id: string
  /** The last four characters. */
  readonly hint: string
  /** Adds the authorization header to undici's flat list of names and values. */
  sign(headers: readonly string[]): string[]
}

export type TokenView = {
  readonly id: string
  readonly hint: string
  readonly state: TokenState
  readonly untilMs: number
}

type Seat = Token & { readonly secret: string; state: TokenState; until: number }

export type Tokens = ReturnType<typeof openTokens>

// Anything this long without a space, with a digit in it, may be a secret; prose is not.
const tokenLike = /(?=[\w+/.~-]*\d)[\w+/.~-]{20,}=*|\b(?:sk|tg|pk)[-_][\w*.-]{4,}/g

/**
 * The master tokens of one upstream and what is known of each; no other file can read one. They take calls in turn.
 * `rest` false is for the sandbox, whose faults are asked for and say nothing about its token.
 */
export function openTokens(secrets: readonly { readonly value: string }[], rest = true) {
  const seats = secrets.map(({ value }) => seatOf(value))
  let turn = 0

  /** The next usable token not tried yet, or undefined. */
  function take(tried: ReadonlySet<string>): Token | undefined {
    for (let step = 0; step < seats.length; step++) {
      const seat = seats[(turn + step) % seats.length]
      if (!seat || tried.has(seat.id) || !usable(seat)) continue
      turn = (turn + step + 1) % seats.length
      return seat
    }
    return undefined
  }

  /** Takes a token out of the turn for so many milliseconds. */
  function setAside({ id }: Token, state: Exclude<TokenState, 'active'>, ms: number): void {
    const seat = seats.find((each) => each.id === id)
    if (!seat || !rest) return
    seat.state = state
    seat.until = performance.now() + ms
  }

  /** Puts a token back into the turn at once; false when there is no such token. */
  function resume(id: string): boolean {
    const seat = seats.find((each) => each.id === id)
    if (seat) seat.until = 0
    return seat !== undefined
  }

  /**
   * Whether a call can be sent now. If not: `cooling` with the milliseconds until the first token is back, or `none`
   * when every token is empty, revoked, or there is none at all.
   */
  function outlook(): { readonly state: 'ready' | 'cooling' | 'none'; readonly waitMs: number } {
    if (seats.some(usable)) return { state: 'ready', waitMs: 0 }
    const cooling = seats.filter(({ state }) => state === 'cooling').map(({ until }) => until - performance.now())
    if (cooling.length > 0) return { state: 'cooling', waitMs: Math.min(...cooling) }
    return { state: 'none', waitMs: 60_000 }
  }

  /** A text without control characters and without anything that is or resembles a token. */
  function cleanse(text: string): string {
    // Characters that do not show come first: they could split a token in two.
    let clean = text.replaceAll(/\p{Cf}/gu, '').replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]/gu, ' ')
    for (const { secret } of seats) clean = clean.replaceAll(secret, '[removed]')
    return clean.replaceAll(tokenLike, '[removed]')
  }

  /** The names of headers in which the upstream repeats one of our tokens. */
  function echoes(headers: Readonly<Record<string, string | string[] | undefined>>): string[] {
    return Object.entries(headers).flatMap(([name, value]) =>
      seats.some(({ secret }) => String(value).includes(secret)) ? [name] : [],
    )
  }

  function list(): TokenView[] {
    return seats.map((seat) => {
      const state = usable(seat) ? 'active' : seat.state
      return { id: seat.id, hint: seat.hint, state, untilMs: Math.max(0, seat.until - performance.now()) }
    })
  }

  return { take, setAside, resume, outlook, cleanse, echoes, list, count: seats.length }
}

// The id is a digest, so that a token keeps its id when the list is reordered.
function seatOf(secret: string): Seat {
  const authorization = `Bearer ${secret}`
  return {
    id: `tok_${hash('sha256', secret, 'hex').slice(0, 20)}`,
    hint: secret.slice(-4),
    sign: (headers) => [...headers, 'authorization', authorization],
    secret,
    state: 'active',
    until: 0,
  }
}

function usable({ until }: Seat): boolean {
  return until <= performance.now()
}
