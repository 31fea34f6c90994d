-- An Idempotency-Key and the call it belongs to. Without `bytes` the answer is no longer kept, or was never given.
CREATE TABLE replays (
  account_id TEXT NOT NULL REFERENCES accounts (id),
  mode TEXT NOT NULL,
  offer TEXT NOT NULL,
  idempotency_key TEXT NOT NULL,
  call_id TEXT NOT NULL UNIQUE,
  sameness TEXT NOT NULL,
  head TEXT,
  bytes BIGINT,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (account_id, mode, offer, idempotency_key)
) /*sqlite: STRICT*/;

CREATE INDEX replays_by_age ON replays (created_at);
CREATE INDEX replays_kept ON replays (call_id, bytes) WHERE bytes IS NOT NULL;
