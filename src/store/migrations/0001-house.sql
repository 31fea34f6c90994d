-- Both databases read this file. SQLite turns BIGINT into INTEGER and reads what stands in /*sqlite: ... */.
-- Amounts are millionths of a credit; times are milliseconds since 1970 UTC; days are numbers such as 20261122.

CREATE TABLE accounts (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  external_id TEXT UNIQUE,
  status TEXT NOT NULL CHECK (status IN ('active', 'suspended', 'closed')),
  posted BIGINT NOT NULL CHECK (posted BETWEEN 0 AND 9000000000000000),
  held BIGINT NOT NULL CHECK (held >= 0),
  entries BIGINT NOT NULL,
  day BIGINT NOT NULL,
  day_used BIGINT NOT NULL,
  month_used BIGINT NOT NULL,
  total_used BIGINT NOT NULL,
  rate_calls BIGINT,
  rate_window_seconds BIGINT,
  max_concurrency BIGINT,
  quota_credits BIGINT,
  quota_period TEXT CHECK (quota_period IN ('day', 'month', 'total')),
  version BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  CHECK (posted >= held)
) /*sqlite: STRICT*/;

-- What keys have bought. A rotated key's successor shares the row of the key it came from.
CREATE TABLE spends (
  id TEXT PRIMARY KEY,
  day BIGINT NOT NULL,
  day_used BIGINT NOT NULL,
  month_used BIGINT NOT NULL,
  total_used BIGINT NOT NULL
) /*sqlite: STRICT*/;

CREATE TABLE keys (
  id TEXT PRIMARY KEY,
  account_id TEXT NOT NULL REFERENCES accounts (id),
  spend_id TEXT NOT NULL REFERENCES spends (id),
  name TEXT NOT NULL,
  mode TEXT NOT NULL CHECK (mode IN ('live', 'test')),
  digest TEXT NOT NULL UNIQUE,
  hint TEXT NOT NULL,
  rights TEXT NOT NULL,
  offers TEXT,
  allow_ips TEXT,
  rate_calls BIGINT,
  rate_window_seconds BIGINT,
  max_concurrency BIGINT,
  quota_credits BIGINT,
  quota_period TEXT CHECK (quota_period IN ('day', 'month', 'total')),
  expires_at BIGINT,
  revoked_at BIGINT,
  version BIGINT NOT NULL,
  created_at BIGINT NOT NULL
) /*sqlite: STRICT*/;

CREATE INDEX keys_by_account ON keys (account_id, id);

CREATE TABLE calls (
  id TEXT PRIMARY KEY,
  account_id TEXT NOT NULL REFERENCES accounts (id),
  key_id TEXT NOT NULL REFERENCES keys (id),
  spend_id TEXT NOT NULL,
  offer TEXT NOT NULL,
  mode TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('held', 'settled', 'released')),
  outcome TEXT CHECK (outcome IN ('succeeded', 'filtered', 'failed', 'unknown', 'recovered')),
  reason TEXT,
  upstream_may_bill BIGINT NOT NULL,
  price BIGINT NOT NULL,
  price_version BIGINT NOT NULL,
  held BIGINT NOT NULL CHECK (held >= 0),
  credits BIGINT NOT NULL CHECK (credits BETWEEN 0 AND held),
  refunded_at BIGINT,
  upstream TEXT NOT NULL,
  token_id TEXT,
  attempts TEXT,
  status BIGINT,
  upstream_status BIGINT,
  upstream_ms BIGINT,
  bytes_in BIGINT NOT NULL,
  bytes_out BIGINT,
  client_request_id TEXT,
  owner TEXT NOT NULL,
  day BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  ended_at BIGINT
) /*sqlite: STRICT*/;

CREATE INDEX calls_by_account ON calls (account_id, id);
CREATE INDEX calls_by_key ON calls (key_id, id);
CREATE INDEX calls_open ON calls (owner, id) WHERE state = 'held';

-- The ledger's lines. Numbers of an account run 1, 2, 3 without a gap; `posted_after` is the balance after the line.
CREATE TABLE entries (
  account_id TEXT NOT NULL REFERENCES accounts (id),
  number BIGINT NOT NULL,
  id TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL CHECK (kind IN ('grant', 'charge', 'refund', 'adjust')),
  credits BIGINT NOT NULL CHECK (credits <> 0),
  posted_after BIGINT NOT NULL CHECK (posted_after >= 0),
  call_id TEXT,
  reason TEXT,
  reference TEXT,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (account_id, number)
) /*sqlite: STRICT, WITHOUT ROWID*/;

CREATE UNIQUE INDEX entries_once ON entries (call_id, kind) WHERE call_id IS NOT NULL;
CREATE UNIQUE INDEX entries_by_reference ON entries (account_id, reference) WHERE reference IS NOT NULL;

-- What was called per day; written with the settle and the release, so that no report scans calls.
CREATE TABLE usage (
  day BIGINT NOT NULL,
  account_id TEXT NOT NULL,
  key_id TEXT NOT NULL,
  offer TEXT NOT NULL,
  mode TEXT NOT NULL,
  calls BIGINT NOT NULL,
  succeeded BIGINT NOT NULL,
  failed BIGINT NOT NULL,
  credits BIGINT NOT NULL,
  PRIMARY KEY (account_id, day, key_id, offer, mode)
) /*sqlite: STRICT, WITHOUT ROWID*/;

CREATE TABLE operators (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  role TEXT NOT NULL CHECK (role IN ('admin', 'viewer')),
  digest TEXT NOT NULL UNIQUE,
  hint TEXT NOT NULL,
  created_at BIGINT NOT NULL
) /*sqlite: STRICT*/;

CREATE TABLE audit (
  id TEXT PRIMARY KEY,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  subject TEXT NOT NULL,
  before TEXT,
  after TEXT,
  created_at BIGINT NOT NULL
) /*sqlite: STRICT*/;
