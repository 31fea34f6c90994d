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

type AccountWish = { name: string; external_id?: string; credits?: number }

type Books = {
  balanced: boolean
  imbalance: string
  accounts: number
  posted: string
  held: string
  open_holds: number
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

type Change = {
  id: string
  actor: string
  action: string
  subject: string
  before: Record<string, unknown> | null
  after: Record<string, unknown> | null
  created_at: string
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

type OperatorWish = { name: string; role: 'admin' | 'viewer' }

type Quota = { credits: number; period: 'day' | 'month' | 'total' }

type Rate = { calls: number; window_seconds: number }

type Refund = { reason: string }

type Repricing = { enabled?: boolean; credits?: number; reason: string }

type Rotation = { grace_seconds?: number }

type Statement = { account_id: string; month: string; opening: number; closing: number; entries: Entry[] }

type Token = {
  id: string
  upstream: string
  hint: string
  state: 'active' | 'cooling' | 'empty' | 'revoked'
  until: string | null
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

export type paths = {
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
}
