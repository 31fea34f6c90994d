-- For a list of more than two words SQLite builds a table in memory, and does so anew for every row that is written. The
-- checks stay the same: pairs of words in place of the lists (https://sqlite.org/lang_altertable.html, section 8).
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(replace(sql,
    'state IN (''held'', ''settled'', ''released'')',
    'state IN (''held'', ''settled'') OR state = ''released'''),
    'outcome IN (''succeeded'', ''filtered'', ''failed'', ''unknown'', ''recovered'')',
    'outcome IN (''succeeded'', ''filtered'') OR outcome IN (''failed'', ''unknown'') OR outcome = ''recovered''')
  WHERE type = 'table' AND name = 'calls';
UPDATE sqlite_schema SET sql = replace(sql,
    'kind IN (''grant'', ''charge'', ''refund'', ''adjust'')',
    'kind IN (''grant'', ''charge'') OR kind IN (''refund'', ''adjust'')')
  WHERE type = 'table' AND name = 'entries';
PRAGMA writable_schema = RESET;
