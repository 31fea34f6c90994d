-- What an offer cost from when on. A version is never changed; the last one counts.
CREATE TABLE prices (
  offer TEXT NOT NULL,
  version BIGINT NOT NULL,
  credits BIGINT NOT NULL CHECK (credits > 0),
  enabled BIGINT NOT NULL,
  reason TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (offer, version)
) /*sqlite: STRICT*/;

-- What an audit row says of a person stands apart, so that closing an account can erase it and no audit row changes.
CREATE TABLE particulars (
  audit_id TEXT PRIMARY KEY REFERENCES audit (id),
  subject TEXT NOT NULL,
  before TEXT,
  after TEXT
) /*sqlite: STRICT*/;

CREATE INDEX particulars_by_subject ON particulars (subject);
CREATE INDEX audit_by_subject ON audit (subject, id);
CREATE INDEX audit_by_actor ON audit (actor, id);
CREATE INDEX audit_by_action ON audit (action, id);
CREATE INDEX accounts_by_status ON accounts (status, id);
CREATE INDEX keys_revoked ON keys (id) WHERE revoked_at IS NOT NULL;
CREATE INDEX keys_expiring ON keys (id) WHERE revoked_at IS NULL AND expires_at IS NOT NULL;
CREATE INDEX calls_by_offer ON calls (offer, id);
CREATE INDEX calls_released ON calls (id) WHERE state = 'released';
CREATE INDEX entries_by_time ON entries (account_id, created_at, number);
CREATE INDEX usage_by_day ON usage (day);
