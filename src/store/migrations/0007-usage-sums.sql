-- What was called with a key in a month, written with the settle and the release: a report of years reads few days.
CREATE TABLE usage_months (
  account_id TEXT NOT NULL,
  key_id TEXT NOT NULL,
  month BIGINT NOT NULL,
  offer TEXT NOT NULL,
  mode TEXT NOT NULL,
  calls BIGINT NOT NULL,
  succeeded BIGINT NOT NULL,
  failed BIGINT NOT NULL,
  credits BIGINT NOT NULL,
  PRIMARY KEY (account_id, key_id, month, offer, mode)
) /*sqlite: STRICT, WITHOUT ROWID*/;

INSERT INTO usage_months (account_id, key_id, month, offer, mode, calls, succeeded, failed, credits)
SELECT account_id, key_id, day / 100, offer, mode, CAST(sum(calls) AS BIGINT), CAST(sum(succeeded) AS BIGINT),
  CAST(sum(failed) AS BIGINT), CAST(sum(credits) AS BIGINT)
FROM usage GROUP BY account_id, key_id, day / 100, offer, mode;

-- What all accounts together called on days that are over, so that a report of the house reads no account's lines.
CREATE TABLE usage_days (
  day BIGINT NOT NULL,
  offer TEXT NOT NULL,
  mode TEXT NOT NULL,
  calls BIGINT NOT NULL,
  succeeded BIGINT NOT NULL,
  failed BIGINT NOT NULL,
  credits BIGINT NOT NULL,
  PRIMARY KEY (day, offer, mode)
) /*sqlite: STRICT, WITHOUT ROWID*/;

-- What changed the usage of a day afterwards; while a row is here, that day is read from the accounts' own lines.
CREATE TABLE usage_late (
  day BIGINT NOT NULL,
  call_id TEXT NOT NULL,
  event TEXT NOT NULL,
  PRIMARY KEY (day, call_id, event)
) /*sqlite: STRICT, WITHOUT ROWID*/;

-- The last day that was summed. Whoever sums locks this row, so that no two do it at once.
CREATE TABLE usage_summed (
  one BIGINT PRIMARY KEY CHECK (one = 1),
  day BIGINT NOT NULL
) /*sqlite: STRICT*/;

DROP INDEX usage_by_day;
CREATE INDEX usage_by_day ON usage (day, account_id, key_id);

-- Failures are few: a list of them must not go through all that succeeded.
CREATE INDEX calls_released_by_account ON calls (account_id, id) WHERE state = 'released';
CREATE INDEX calls_released_by_key ON calls (key_id, id) WHERE state = 'released';
