-- Why somebody acted, in their words. It never changes, like the rest of an entry.
ALTER TABLE audit_entries ADD COLUMN reason TEXT;

CREATE OR REPLACE FUNCTION audit_entries_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF OLD.outcome = 'intended' AND NEW.outcome IN ('done', 'failed')
      AND (NEW.id, NEW.at, NEW.actor, NEW.action, NEW.project, NEW.target, NEW.request_id, NEW.reason)
        IS NOT DISTINCT FROM
          (OLD.id, OLD.at, OLD.actor, OLD.action, OLD.project, OLD.target, OLD.request_id, OLD.reason)
    THEN RETURN NEW;
    END IF;
  ELSIF TG_OP = 'DELETE' THEN
    IF OLD.at < clock_timestamp() - interval '1 day' THEN RETURN OLD;
    END IF;
  END IF;
  RAISE EXCEPTION 'The audit log is kept: an entry changes only from intended to done or failed, and none younger than a day is deleted.'
    USING ERRCODE = 'restrict_violation';
END $$;

-- What a filter of the log asks for, each with the newest first. Outcomes are few: those that are rare have an index.
CREATE INDEX audit_entries_action_id_idx ON audit_entries (action, id);
CREATE INDEX audit_entries_request_id_idx ON audit_entries (request_id);
CREATE INDEX audit_entries_at_idx ON audit_entries (at);
