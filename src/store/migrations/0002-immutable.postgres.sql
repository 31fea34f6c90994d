CREATE FUNCTION tollgate_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% are immutable', TG_TABLE_NAME USING ERRCODE = 'TG002';
END $$;

CREATE TRIGGER entries_never_change BEFORE UPDATE OR DELETE ON entries
  FOR EACH ROW EXECUTE FUNCTION tollgate_refuse_change();
CREATE TRIGGER entries_never_go BEFORE TRUNCATE ON entries
  FOR EACH STATEMENT EXECUTE FUNCTION tollgate_refuse_change();
CREATE TRIGGER audit_never_changes BEFORE UPDATE ON audit
  FOR EACH ROW EXECUTE FUNCTION tollgate_refuse_change();

-- Ends a transaction whose statement touched no row, so that the client need not wait for the count of each.
CREATE FUNCTION tollgate_must(touched BOOLEAN) RETURNS BOOLEAN LANGUAGE plpgsql AS $$
BEGIN
  IF NOT touched THEN RAISE EXCEPTION 'refused' USING ERRCODE = 'TG001'; END IF;
  RETURN touched;
END $$;
