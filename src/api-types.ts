// Written by test/support/api-types.ts out of the OpenAPI document; not by hand.

type Account = {
  id: string
  name: string
  external_id: string | null
  status: 'active' | 'suspended' | 'closed'
  balance: { posted: number; held: number; available: number }
  rate: Rate | null
  max_concurrency: number | null
  quota: Quota | null
  quota_used: number | null
  created_at: string
}

type AccountChange = {
  name?: string
  status?: 'active' | 'suspended' | 'closed'
  rate?: Rate | null
  max_concurrency?: number | null
  quota?: Quota | null
}

type AccountSession = {
  kind: 'account'
  csrf: string
  expires_at: string
  account: string
  key: string
  name: string
  mode: 'live' | 'test'
  rights: ('call' | 'read' | 'manage')[]
}

type AccountWish = { name: string; external_id?: string; credits?: number }

type BalanceJump = { from: string; to: string; credits: number }

type BalanceReading = { credits: number; at: string }

type Books = {
  balanced: boolean
  imbalance: string
  accounts: number
  posted: string
  held: string
  open_holds: number
  sold: string
  upstream_credits: string | null
  oversold: string | null
  faults: string[]
}

type Call = {
  id: string
  account_id: string
  key_id: string
  offer: string
  state: 'held' | 'settled' | 'released'
  outcome: 'succeeded' | 'filtered' | 'failed' | 'unknown' | 'recovered' | null
  reason: string | null
  upstream_may_bill: boolean
  credits: number
  price: number
  price_version: number
  refunded_at: string | null
  upstream: string
  token_id: string | null
  attempts: number
  status: number | null
  upstream_status: number | null
  upstream_ms: number | null
  bytes_in: number
  bytes_out: number | null
  mode: 'live' | 'test'
  created_at: string
  ended_at: string | null
  client_request_id: string | null
}

type CallEvent = {
  at: string | null
  event: 'accepted' | 'priced' | 'held' | 'attempt' | 'judged' | 'settled' | 'released' | 'refunded'
  told: string
  key?: { id: string; name: string; hint: string }
  token?: { id: string; hint: string }
  price_version?: number
  credits?: number
  status?: number
  ms?: number
  bytes?: number
  reason?: string
  entry_id?: string
  posted_after?: number
}

type CallStory = {
  id: string
  account_id: string
  key_id: string
  offer: string
  state: 'held' | 'settled' | 'released'
  outcome: 'succeeded' | 'filtered' | 'failed' | 'unknown' | 'recovered' | null
  reason: string | null
  upstream_may_bill: boolean
  credits: number
  price: number
  price_version: number
  refunded_at: string | null
  upstream: string
  token_id: string | null
  attempts: number
  status: number | null
  upstream_status: number | null
  upstream_ms: number | null
  bytes_in: number
  bytes_out: number | null
  mode: 'live' | 'test'
  created_at: string
  ended_at: string | null
  client_request_id: string | null
  timeline: CallEvent[]
}

type CallSum = { calls: number; credits: number }

type Change = {
  id: string
  actor: string
  action: string
  subject: string
  before: Record<string, unknown> | null
  after: Record<string, unknown> | null
  created_at: string
}

type Delivery = {
  id: string
  webhook_id: string
  event: string
  state: 'pending' | 'delivered' | 'failed'
  attempts: number
  next_attempt_at: string | null
  last_status: number | null
  last_error: string | null
  created_at: string
  ended_at: string | null
  payload: { type: string; timestamp: string; data: Record<string, unknown> }
}

type Entry = {
  id: string
  kind: 'grant' | 'charge' | 'refund' | 'adjust'
  credits: number
  posted_after: number
  call_id: string | null
  reason: string | null
  created_at: string
}

type Grant = { credits: number; reason: string }

type Key = {
  id: string
  account_id: string
  name: string
  hint: string
  mode: 'live' | 'test'
  status: 'active' | 'expired' | 'revoked'
  rights: string[]
  offers: string[] | null
  allow_ips: string[] | null
  rate: Rate | null
  max_concurrency: number | null
  quota: Quota | null
  quota_used: number | null
  expires_at: string | null
  revoked_at: string | null
  last_used_at: string | null
  created_at: string
}

type KeyChange = {
  name?: string
  rate?: Rate | null
  max_concurrency?: number | null
  quota?: Quota | null
  offers?: string[] | null
  allow_ips?: string[] | null
  expires_at?: string | null
  rights?: ('call' | 'read' | 'manage')[]
}

type KeyWish = {
  name: string
  mode?: 'live' | 'test'
  rate?: Rate | null
  max_concurrency?: number | null
  quota?: Quota | null
  offers?: string[] | null
  allow_ips?: string[] | null
  expires_at?: string | null
  rights?: ('call' | 'read' | 'manage')[]
}

type LimitsLeft = {
  rate: { calls: number; window_seconds: number; left: number; resets_at: string | null } | null
  concurrency: { most: number; in_flight: number; left: number } | null
  quota: { credits: number; period: string; used: number; left: number; resets_at: string | null } | null
}

type Me = {
  account: { id: string; name: string; status: 'active' | 'suspended' | 'closed'; created_at: string }
  balance: { posted: number; held: number; available: number }
  key: Key
  limits: { key: LimitsLeft; account: LimitsLeft }
}

type NewKey = {
  id: string
  account_id: string
  name: string
  hint: string
  mode: 'live' | 'test'
  status: 'active' | 'expired' | 'revoked'
  rights: string[]
  offers: string[] | null
  allow_ips: string[] | null
  rate: Rate | null
  max_concurrency: number | null
  quota: Quota | null
  quota_used: number | null
  expires_at: string | null
  revoked_at: string | null
  last_used_at: string | null
  created_at: string
  secret: string
}

type NewOperator = {
  id: string
  name: string
  role: 'admin' | 'viewer'
  hint: string
  created_at: string
  secret: string
}

type NewWebhook = {
  id: string
  url: string
  events: (
    | 'account.balance_low'
    | 'key.quota_low'
    | 'token.state_changed'
    | 'upstream.balance_low'
    | 'books.imbalance'
    | 'calls.outcome_unknown'
  )[]
  enabled: boolean
  created_at: string
  secret: string
}

type Offer = {
  id: string
  upstream: string
  method: string
  paths: string[]
  enabled: boolean
  credits: number
  price_version: number
}

type Operator = { id: string; name: string; role: 'admin' | 'viewer'; hint: string; created_at: string }

type OperatorSession = { kind: 'operator'; csrf: string; expires_at: string; name: string; role: 'admin' | 'viewer' }

type OperatorWish = { name: string; role: 'admin' | 'viewer' }

type Overview = {
  version: string
  sandbox: boolean
  in_flight: number
  queue: { waiting: number; lanes: number; oldest_wait_ms: number }
  open_holds: number
  oldest_hold_at: string | null
  sold: string
  upstream_credits: string | null
  oversold: string | null
  books: { balanced: boolean; imbalance: string; proved_at: string } | null
}

type OwnCall = {
  id: string
  account_id: string
  key_id: string
  offer: string
  state: 'held' | 'settled' | 'released'
  outcome: 'succeeded' | 'filtered' | 'failed' | 'unknown' | 'recovered' | null
  reason: string | null
  credits: number
  price: number
  price_version: number
  refunded_at: string | null
  status: number | null
  bytes_in: number
  bytes_out: number | null
  mode: 'live' | 'test'
  created_at: string
  ended_at: string | null
  client_request_id: string | null
}

type OwnCallEvent = {
  at: string | null
  event: 'accepted' | 'priced' | 'held' | 'attempt' | 'judged' | 'settled' | 'released' | 'refunded'
  told: string
  key?: { id: string; name: string; hint: string }
  price_version?: number
  credits?: number
  status?: number
  ms?: number
  bytes?: number
  reason?: string
  entry_id?: string
  posted_after?: number
}

type OwnCallStory = {
  id: string
  account_id: string
  key_id: string
  offer: string
  state: 'held' | 'settled' | 'released'
  outcome: 'succeeded' | 'filtered' | 'failed' | 'unknown' | 'recovered' | null
  reason: string | null
  credits: number
  price: number
  price_version: number
  refunded_at: string | null
  status: number | null
  bytes_in: number
  bytes_out: number | null
  mode: 'live' | 'test'
  created_at: string
  ended_at: string | null
  client_request_id: string | null
  timeline: OwnCallEvent[]
}

type OwnOffer = { id: string; method: string; paths: string[]; credits: number; price_version: number }

type Quota = { credits: number; period: 'day' | 'month' | 'total' }

type Rate = { calls: number; window_seconds: number }

type ReconcileCandidate = {
  id: string
  why: 'may_bill' | 'in_flight' | 'near'
  state: 'held' | 'settled' | 'released'
  outcome: string | null
  reason: string | null
  credits: number
  charged: number
  created_at: string
  ended_at: string | null
}

type ReconciledToken = {
  token_id: string
  hint: string | null
  finding: 'even' | 'in_flight' | 'unexplained' | 'unknown'
  explained_by: string
  from: string
  to: string
  balance_start: BalanceReading | null
  balance_end: BalanceReading | null
  fall: number | null
  topped_up: number | null
  settled: number
  settled_calls: number
  settled_credits: number
  may_bill: CallSum
  unexplained: number | null
  in_flight: CallSum
  jumps: BalanceJump[]
  candidates: ReconcileCandidate[]
}

type Reconciliation = { day: string; tokens: ReconciledToken[]; without_token: { calls: number; credits: number } }

type Refund = { reason: string }

type Repricing = { enabled?: boolean; credits?: number; reason: string }

type Rotation = { grace_seconds?: number }

type Setting = { name: string; value: string | null; secret: boolean; default: string | null; about: string }

type SignIn = { key: string }

type Statement = { account_id: string; month: string; opening: number; closing: number; entries: Entry[] }

type Token = {
  id: string
  upstream: string
  hint: string
  state: 'active' | 'cooling' | 'empty' | 'revoked' | 'resting'
  until: string | null
  reason: string | null
  changed_at: string | null
  weight: number
  in_flight: number
  credits: number | null
  credits_at: string | null
}

type Usage = {
  day?: string
  account_id?: string
  key_id?: string
  offer?: string
  mode: 'live' | 'test'
  calls: number
  succeeded: number
  failed: number
  credits: number
}

type Webhook = {
  id: string
  url: string
  events: (
    | 'account.balance_low'
    | 'key.quota_low'
    | 'token.state_changed'
    | 'upstream.balance_low'
    | 'books.imbalance'
    | 'calls.outcome_unknown'
  )[]
  enabled: boolean
  created_at: string
}

type WebhookChange = {
  url?: string
  events?: (
    | 'account.balance_low'
    | 'key.quota_low'
    | 'token.state_changed'
    | 'upstream.balance_low'
    | 'books.imbalance'
    | 'calls.outcome_unknown'
  )[]
  enabled?: boolean
}

type WebhookWish = {
  url: string
  events: (
    | 'account.balance_low'
    | 'key.quota_low'
    | 'token.state_changed'
    | 'upstream.balance_low'
    | 'books.imbalance'
    | 'calls.outcome_unknown'
  )[]
}

export type paths = {
  '/portal/v1/me': {
    get: { parameters: { query?: never }; responses: { 200: { content: { 'application/json': Me } } } }
  }
  '/portal/v1/offers': {
    get: {
      parameters: { query?: never }
      responses: { 200: { content: { 'application/json': { data: OwnOffer[]; next_cursor: string | null } } } }
    }
  }
  '/portal/v1/keys': {
    get: {
      parameters: { query?: { status?: 'active' | 'expired' | 'revoked'; limit?: number; cursor?: string } }
      responses: { 200: { content: { 'application/json': { data: Key[]; next_cursor: string | null } } } }
    }
    post: {
      parameters: { query?: never }
      requestBody: { content: { 'application/json': KeyWish } }
      responses: { 201: { content: { 'application/json': NewKey } } }
    }
  }
  '/portal/v1/keys/{id}': {
    get: { parameters: { path: { id: string } }; responses: { 200: { content: { 'application/json': Key } } } }
  }
  '/portal/v1/calls': {
    get: {
      parameters: {
        query?: {
          key?: string
          offer?: string
          state?: 'held' | 'settled' | 'released'
          from?: string
          to?: string
          limit?: number
          cursor?: string
        }
      }
      responses: { 200: { content: { 'application/json': { data: OwnCall[]; next_cursor: string | null } } } }
    }
  }
  '/portal/v1/calls/{id}': {
    get: { parameters: { path: { id: string } }; responses: { 200: { content: { 'application/json': OwnCallStory } } } }
  }
  '/portal/v1/entries': {
    get: {
      parameters: { query?: { from?: string; to?: string; limit?: number; cursor?: string } }
      responses: {
        200: { content: { 'application/json': { data: Entry[]; next_cursor: string | null }; 'text/csv': string } }
      }
    }
  }
  '/portal/v1/statement': {
    get: {
      parameters: { query?: { month?: string } }
      responses: { 200: { content: { 'application/json': Statement; 'text/csv': string } } }
    }
  }
  '/portal/v1/usage': {
    get: {
      parameters: { query?: { group_by?: string; from?: string; to?: string; limit?: number; cursor?: string } }
      responses: {
        200: { content: { 'application/json': { data: Usage[]; next_cursor: string | null }; 'text/csv': string } }
      }
    }
  }
  '/portal/v1/keys/{id}/rotate': {
    post: {
      parameters: { path: { id: string } }
      requestBody: { content: { 'application/json': Rotation } }
      responses: { 201: { content: { 'application/json': NewKey } } }
    }
  }
  '/portal/v1/keys/{id}/revoke': {
    post: { parameters: { path: { id: string } }; responses: { 200: { content: { 'application/json': Key } } } }
  }
  '/admin/v1/accounts': {
    post: {
      parameters: { query?: never }
      requestBody: { content: { 'application/json': AccountWish } }
      responses: { 201: { content: { 'application/json': Account } } }
    }
    get: {
      parameters: {
        query?: { q?: string; status?: 'active' | 'suspended' | 'closed'; limit?: number; cursor?: string }
      }
      responses: { 200: { content: { 'application/json': { data: Account[]; next_cursor: string | null } } } }
    }
  }
  '/admin/v1/accounts/{id}': {
    get: { parameters: { path: { id: string } }; responses: { 200: { content: { 'application/json': Account } } } }
    patch: {
      parameters: { path: { id: string } }
      requestBody: { content: { 'application/json': AccountChange } }
      responses: { 200: { content: { 'application/json': Account } } }
    }
  }
  '/admin/v1/accounts/{id}/grants': {
    post: {
      parameters: { path: { id: string } }
      requestBody: { content: { 'application/json': Grant } }
      responses: { 201: { content: { 'application/json': Entry } } }
    }
  }
  '/admin/v1/accounts/{id}/entries': {
    get: {
      parameters: { path: { id: string }; query?: { from?: string; to?: string; limit?: number; cursor?: string } }
      responses: {
        200: { content: { 'application/json': { data: Entry[]; next_cursor: string | null }; 'text/csv': string } }
      }
    }
  }
  '/admin/v1/accounts/{id}/statement': {
    get: {
      parameters: { path: { id: string }; query?: { month?: string } }
      responses: { 200: { content: { 'application/json': Statement; 'text/csv': string } } }
    }
  }
  '/admin/v1/accounts/{id}/keys': {
    post: {
      parameters: { path: { id: string } }
      requestBody: { content: { 'application/json': KeyWish } }
      responses: { 201: { content: { 'application/json': NewKey } } }
    }
  }
  '/admin/v1/keys': {
    get: {
      parameters: {
        query?: { account?: string; status?: 'active' | 'expired' | 'revoked'; limit?: number; cursor?: string }
      }
      responses: { 200: { content: { 'application/json': { data: Key[]; next_cursor: string | null } } } }
    }
  }
  '/admin/v1/keys/{id}': {
    get: { parameters: { path: { id: string } }; responses: { 200: { content: { 'application/json': Key } } } }
    patch: {
      parameters: { path: { id: string } }
      requestBody: { content: { 'application/json': KeyChange } }
      responses: { 200: { content: { 'application/json': Key } } }
    }
  }
  '/admin/v1/keys/{id}/rotate': {
    post: {
      parameters: { path: { id: string } }
      requestBody: { content: { 'application/json': Rotation } }
      responses: { 201: { content: { 'application/json': NewKey } } }
    }
  }
  '/admin/v1/keys/{id}/revoke': {
    post: { parameters: { path: { id: string } }; responses: { 200: { content: { 'application/json': Key } } } }
  }
  '/admin/v1/calls': {
    get: {
      parameters: {
        query?: {
          account?: string
          key?: string
          offer?: string
          state?: 'held' | 'settled' | 'released'
          from?: string
          to?: string
          limit?: number
          cursor?: string
        }
      }
      responses: {
        200: { content: { 'application/json': { data: Call[]; next_cursor: string | null }; 'text/csv': string } }
      }
    }
  }
  '/admin/v1/calls/{id}': {
    get: { parameters: { path: { id: string } }; responses: { 200: { content: { 'application/json': CallStory } } } }
  }
  '/admin/v1/calls/{id}/refund': {
    post: {
      parameters: { path: { id: string } }
      requestBody: { content: { 'application/json': Refund } }
      responses: { 201: { content: { 'application/json': Entry } } }
    }
  }
  '/admin/v1/usage': {
    get: {
      parameters: {
        query?: { account?: string; group_by?: string; from?: string; to?: string; limit?: number; cursor?: string }
      }
      responses: {
        200: { content: { 'application/json': { data: Usage[]; next_cursor: string | null }; 'text/csv': string } }
      }
    }
  }
  '/admin/v1/offers': {
    get: {
      parameters: { query?: never }
      responses: { 200: { content: { 'application/json': { data: Offer[]; next_cursor: string | null } } } }
    }
  }
  '/admin/v1/offers/{id}': {
    get: { parameters: { path: { id: string } }; responses: { 200: { content: { 'application/json': Offer } } } }
    patch: {
      parameters: { path: { id: string } }
      requestBody: { content: { 'application/json': Repricing } }
      responses: { 200: { content: { 'application/json': Offer } } }
    }
  }
  '/admin/v1/tokens': {
    get: {
      parameters: { query?: never }
      responses: { 200: { content: { 'application/json': { data: Token[]; next_cursor: string | null } } } }
    }
  }
  '/admin/v1/tokens/{id}/resume': {
    post: { parameters: { path: { id: string } }; responses: { 200: { content: { 'application/json': Token } } } }
  }
  '/admin/v1/audit': {
    get: {
      parameters: {
        query?: {
          actor?: string
          action?: string
          subject?: string
          from?: string
          to?: string
          limit?: number
          cursor?: string
        }
      }
      responses: { 200: { content: { 'application/json': { data: Change[]; next_cursor: string | null } } } }
    }
  }
  '/admin/v1/books': {
    get: { parameters: { query?: never }; responses: { 200: { content: { 'application/json': Books } } } }
  }
  '/admin/v1/reconcile': {
    get: {
      parameters: { query?: { day?: string } }
      responses: { 200: { content: { 'application/json': Reconciliation } } }
    }
  }
  '/admin/v1/operators': {
    post: {
      parameters: { query?: never }
      requestBody: { content: { 'application/json': OperatorWish } }
      responses: { 201: { content: { 'application/json': NewOperator } } }
    }
    get: {
      parameters: { query?: { limit?: number; cursor?: string } }
      responses: { 200: { content: { 'application/json': { data: Operator[]; next_cursor: string | null } } } }
    }
  }
  '/admin/v1/operators/{id}': {
    get: { parameters: { path: { id: string } }; responses: { 200: { content: { 'application/json': Operator } } } }
    delete: { parameters: { path: { id: string } }; responses: { 204: { content?: never } } }
  }
  '/admin/v1/webhooks': {
    post: {
      parameters: { query?: never }
      requestBody: { content: { 'application/json': WebhookWish } }
      responses: { 201: { content: { 'application/json': NewWebhook } } }
    }
    get: {
      parameters: { query?: { limit?: number; cursor?: string } }
      responses: { 200: { content: { 'application/json': { data: Webhook[]; next_cursor: string | null } } } }
    }
  }
  '/admin/v1/webhooks/{id}': {
    get: { parameters: { path: { id: string } }; responses: { 200: { content: { 'application/json': Webhook } } } }
    patch: {
      parameters: { path: { id: string } }
      requestBody: { content: { 'application/json': WebhookChange } }
      responses: { 200: { content: { 'application/json': Webhook } } }
    }
    delete: { parameters: { path: { id: string } }; responses: { 204: { content?: never } } }
  }
  '/admin/v1/webhooks/{id}/deliveries': {
    get: {
      parameters: { path: { id: string }; query?: { limit?: number; cursor?: string } }
      responses: { 200: { content: { 'application/json': { data: Delivery[]; next_cursor: string | null } } } }
    }
  }
  '/admin/v1/webhooks/{id}/test': {
    post: { parameters: { path: { id: string } }; responses: { 202: { content: { 'application/json': Delivery } } } }
  }
  '/admin/v1/overview': {
    get: { parameters: { query?: never }; responses: { 200: { content: { 'application/json': Overview } } } }
  }
  '/admin/v1/settings': {
    get: {
      parameters: { query?: never }
      responses: { 200: { content: { 'application/json': { data: Setting[]; next_cursor: string | null } } } }
    }
  }
  '/dashboard/session': {
    post: {
      parameters: { query?: never }
      requestBody: { content: { 'application/json': SignIn } }
      responses: { 201: { content: { 'application/json': OperatorSession | AccountSession } } }
    }
    get: {
      parameters: { query?: never }
      responses: { 200: { content: { 'application/json': OperatorSession | AccountSession } } }
    }
    delete: { parameters: { query?: never }; responses: { 204: { content?: never } } }
  }
  '/dashboard/playground/sd/v2beta/stable-image/generate/core': {
    post: {
      parameters: { query?: never }
      requestBody: {
        content: {
          'multipart/form-data': {
            prompt: string
            negative_prompt?: string
            aspect_ratio?: '21:9' | '16:9' | '3:2' | '5:4' | '1:1' | '4:5' | '2:3' | '9:16' | '9:21'
            seed?: number
            style_preset?:
              | '3d-model'
              | 'analog-film'
              | 'anime'
              | 'cinematic'
              | 'comic-book'
              | 'digital-art'
              | 'enhance'
              | 'fantasy-art'
              | 'isometric'
              | 'line-art'
              | 'low-poly'
              | 'modeling-compound'
              | 'neon-punk'
              | 'origami'
              | 'photographic'
              | 'pixel-art'
              | 'tile-texture'
            output_format?: 'png' | 'jpeg' | 'webp'
          }
        }
      }
      responses: {
        200: {
          content: {
            'image/png': string
            'image/jpeg': string
            'image/webp': string
            'application/json': { image: string; finish_reason: string; seed?: number }
          }
        }
      }
    }
  }
}
