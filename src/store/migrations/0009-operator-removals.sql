-- How many operators have been removed. Whoever removes one locks this row, so that no two do it at once.
CREATE TABLE operator_removals (
  one BIGINT PRIMARY KEY CHECK (one = 1),
  count BIGINT NOT NULL
) /*sqlite: STRICT*/;
