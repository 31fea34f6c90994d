-- Processes that serve this database. `until` is when the lease ends, on the database's own clock.
CREATE TABLE instances (
  id TEXT PRIMARY KEY,
  until BIGINT NOT NULL
) /*sqlite: STRICT*/;
