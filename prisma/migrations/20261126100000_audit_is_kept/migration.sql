-- What was written into the audit log stays as it is, whatever program is connected: an intended action gets its outcome once, and
-- nothing younger than a day can be deleted. Older entries may, once their time is over.

CREATE FUNCTION audit_entries_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF OLD.outcome = 'intended' AND NEW.outcome IN ('done', 'failed')
      AND (NEW.id, NEW.at, NEW.actor, NEW.action, NEW.project, NEW.target, NEW.request_id)
        IS NOT DISTINCT FROM (OLD.id, OLD.at, OLD.actor, OLD.action, OLD.project, OLD.target, OLD.request_id)
    THEN RETURN NEW;
    END IF;
  ELSIF TG_OP = 'DELETE' THEN
    IF OLD.at < clock_timestamp() - interval '1 day' THEN RETURN OLD;
    END IF;
  END IF;
  RAISE EXCEPTION 'The audit log is kept: an entry changes only from intended to done or failed, and none younger than a day is deleted.'
    USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER audit_entries_change BEFORE UPDATE OR DELETE ON audit_entries
  FOR EACH ROW EXECUTE FUNCTION audit_entries_change();
CREATE TRIGGER audit_entries_truncate BEFORE TRUNCATE ON audit_entries
  FOR EACH STATEMENT EXECUTE FUNCTION audit_entries_change();
