-- From where somebody acted. It never changes, like the rest of an entry.
ALTER TABLE audit_entries ADD COLUMN address TEXT;

CREATE OR REPLACE FUNCTION audit_entries_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF OLD.outcome = 'intended' AND NEW.outcome IN ('done', 'failed')
      AND (NEW.id, NEW.at, NEW.actor, NEW.action, NEW.project, NEW.target, NEW.request_id, NEW.reason, NEW.address)
        IS NOT DISTINCT FROM
          (OLD.id, OLD.at, OLD.actor, OLD.action, OLD.project, OLD.target, OLD.request_id, OLD.reason, OLD.address)
    THEN RETURN NEW;
    END IF;
  ELSIF TG_OP = 'DELETE' THEN
    IF OLD.at < clock_timestamp() - interval '1 day' THEN RETURN OLD;
    END IF;
  END IF;
  RAISE EXCEPTION 'The audit log is kept: an entry changes only from intended to done or failed, and none younger than a day is deleted.'
    USING ERRCODE = 'restrict_violation';
END $$;
