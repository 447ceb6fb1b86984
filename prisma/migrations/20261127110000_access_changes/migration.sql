-- Tells all processes which row of a table of rights has changed: see server/access/changes.ts. The trigger's argument
-- is the column whose value names the row.
CREATE FUNCTION access_changed() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  changed jsonb := to_jsonb(CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END);
BEGIN
  PERFORM pg_notify('isimud_access_' || md5(current_schema()), TG_TABLE_NAME || ':' || (changed ->> TG_ARGV[0]));
  RETURN NULL;
END $$;
