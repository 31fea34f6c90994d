-- Who is signed in at the dashboard. The key behind a session is looked up with every request, so it ends with the key.
CREATE TABLE sessions (
  digest TEXT PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('operator', 'account')),
  key_digest TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  seen_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
) /*sqlite: STRICT*/;

CREATE INDEX sessions_by_key ON sessions (key_digest, created_at);
CREATE INDEX sessions_by_end ON sessions (expires_at);
