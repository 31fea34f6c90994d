-- Where a name or an external id can be begun to be read, in lower case: as a whole and at each word. Compared byte by
-- byte, since in the order of a language the texts that begin alike do not stand together.
CREATE TABLE account_words (
  account_id TEXT NOT NULL REFERENCES accounts (id),
  word TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (account_id, word)
);
CREATE INDEX account_words_by_word ON account_words (word, account_id);
INSERT INTO account_words (account_id, word) SELECT id, lower(name) FROM accounts WHERE name <> '';
INSERT INTO account_words (account_id, word) SELECT id, lower(external_id) FROM accounts WHERE external_id IS NOT NULL
  ON CONFLICT (account_id, word) DO NOTHING;
