-- What is known of the master tokens of the upstream, by their ids, which are digests; no row holds a secret.

-- Why a token takes no calls, and until when on the database's own clock; without `until` it waits to be brought back.
-- `version` grows with every change, so that a replica can tell what it has not seen yet.
CREATE TABLE token_states (
  id TEXT PRIMARY KEY,
  state TEXT NOT NULL,
  until BIGINT,
  reason TEXT NOT NULL,
  changed_at BIGINT NOT NULL,
  version BIGINT NOT NULL
) /*sqlite: STRICT*/;

-- What the upstream said was left behind a token: asked for at `asked_at`, answered at `at`.
CREATE TABLE token_balances (
  token_id TEXT NOT NULL,
  at BIGINT NOT NULL,
  asked_at BIGINT NOT NULL,
  credits BIGINT NOT NULL,
  PRIMARY KEY (token_id, at)
) /*sqlite: STRICT, WITHOUT ROWID*/;

CREATE INDEX token_balances_by_age ON token_balances (at, token_id);

-- When a token was last asked for its balance, on the database's own clock. Whoever changes the row may ask.
CREATE TABLE token_probes (
  token_id TEXT PRIMARY KEY,
  at BIGINT NOT NULL
) /*sqlite: STRICT*/;
