-- Who is told what happened. The secret stands here as it is, since every sending is signed with it: whoever reads this
-- column can sign in our name, and nothing else.
CREATE TABLE webhooks (
  id TEXT PRIMARY KEY,
  url TEXT NOT NULL,
  events TEXT NOT NULL,
  secret TEXT NOT NULL,
  enabled BIGINT NOT NULL,
  version BIGINT NOT NULL,
  created_at BIGINT NOT NULL
) /*sqlite: STRICT*/;

-- The queue and its log. `next_at` is on the database's own clock; whoever sends a row moves it on by a lease first.
CREATE TABLE deliveries (
  id TEXT PRIMARY KEY,
  webhook_id TEXT NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
  event TEXT NOT NULL,
  body TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'failed')),
  attempts BIGINT NOT NULL,
  next_at BIGINT NOT NULL,
  last_status BIGINT,
  last_error TEXT,
  created_at BIGINT NOT NULL,
  ended_at BIGINT
) /*sqlite: STRICT*/;

CREATE INDEX deliveries_by_webhook ON deliveries (webhook_id, id);
CREATE INDEX deliveries_due ON deliveries (webhook_id, next_at, id) WHERE state = 'pending';

-- What was told and is not over yet, so that it is told once and by one replica; and whose turn it is to look.
CREATE TABLE alerts (
  event TEXT NOT NULL,
  subject TEXT NOT NULL,
  state TEXT NOT NULL,
  since BIGINT NOT NULL,
  PRIMARY KEY (event, subject)
) /*sqlite: STRICT*/;
