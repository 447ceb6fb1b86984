-- What jobs remove can be taken back, and a deleted queue comes back with its pause.
ALTER TABLE undos
  -- Of a deleted queue: the row of its pause. Null: it was not paused.
  ADD COLUMN pause jsonb,
  -- The job that removes messages.
  ADD COLUMN job bigint,
  -- It may remove more, as long as it has not ended.
  ADD COLUMN acting boolean NOT NULL DEFAULT false;
CREATE INDEX undos_job_idx ON undos (job);
