import { hash } from 'node:crypto'

/**
 * `cooling` after a 429 and `resting` after many failures in a row come back by themselves; `empty` (402) and `revoked`
 * (401) when a probe or an operator says so.
 */
export type TokenState = 'active' | 'cooling' | 'empty' | 'revoked' | 'resting'

/** A master token as the other rooms may know it: they can have a request signed, and never read the secret. */
export type Token = {
  readonly id: string
  /** The last four characters. */
  readonly hint: string
  readonly weight: number
  /** Adds the authorization header to undici's flat list of names and values. */
  sign(headers: readonly string[]): string[]
}

export type TokenView = {
  readonly id: string
  readonly hint: string
  readonly weight: number
  readonly state: TokenState
  /** Milliseconds until it is back by itself; 0 when it is active, or waits for a probe. */
  readonly untilMs: number
  readonly inFlight: number
}

export type TokenChange = {
  readonly id: string
  readonly hint: string
  readonly from: TokenState
  readonly to: TokenState
  /** Milliseconds until it is back by itself; 0 when it is not. */
  readonly leftMs: number
  readonly reason: string
  /** Whether another replica found it out. */
  readonly learnt: boolean
}

export type Tokens = ReturnType<typeof openTokens>

// Anything this long without a space, with a digit in it, may be a secret; prose is not.
const tokenLike = /(?=[\w+/.~-]*\d)[\w+/.~-]{20,}=*|\b(?:sk|tg|pk)[-_][\w*.-]{4,}/g

/** The master tokens of one upstream; no other file can read one. */
export function openTokens(given: readonly { readonly value: string; readonly weight: number }[]) {
  const all: readonly Token[] = given.map(tokenOf)
  const secrets = given.map(({ value }) => value)

  /** A text without control characters and without anything that is or resembles a token. */
  function cleanse(text: string): string {
    // Characters that do not show come first: they could split a token in two.
    let clean = text.replaceAll(/\p{Cf}/gu, '').replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]/gu, ' ')
    for (const secret of secrets) clean = clean.replaceAll(secret, '[removed]')
    return clean.replaceAll(tokenLike, '[removed]')
  }

  /** The names of headers in which the upstream repeats one of our tokens. */
  function echoes(headers: Readonly<Record<string, string | string[] | undefined>>): string[] {
    return Object.keys(headers).filter((name) => {
      const value = String(headers[name])
      return secrets.some((secret) => value.includes(secret))
    })
  }

  return { all, cleanse, echoes }
}

// The id is a digest, so that a token keeps its id and its state when the list is reordered.
function tokenOf({ value, weight }: { readonly value: string; readonly weight: number }): Token {
  const authorization = `Bearer ${value}`
  return {
    id: `tok_${hash('sha256', value, 'hex').slice(0, 20)}`,
    hint: value.slice(-4),
    weight,
    sign: (headers) => [...headers, 'authorization', authorization],
  }
}
