-- What happened to one thing: to a queue, for the events on its page.
CREATE INDEX audit_entries_target_id_idx ON audit_entries (target, id);
