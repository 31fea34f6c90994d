-- Where a name or an external id can be begun to be read, in lower case: as a whole and at each word.
CREATE TABLE account_words (
  account_id TEXT NOT NULL REFERENCES accounts (id),
  word TEXT NOT NULL,
  PRIMARY KEY (account_id, word)
) STRICT, WITHOUT ROWID;
CREATE INDEX account_words_by_word ON account_words (word, account_id);
INSERT INTO account_words (account_id, word) SELECT id, lower(name) FROM accounts WHERE name <> '';
INSERT INTO account_words (account_id, word) SELECT id, lower(external_id) FROM accounts WHERE external_id IS NOT NULL
  ON CONFLICT (account_id, word) DO NOTHING;
