-- Idempotency keys of the requests that a job answers. They are kept as long as the job.
CREATE TABLE job_keys (
  kind text NOT NULL,
  -- Empty for a pool.
  project text COLLATE "C" NOT NULL,
  target text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL,
  request text NOT NULL,
  job_id bigint NOT NULL,
  CONSTRAINT job_keys_pkey PRIMARY KEY (kind, project, target, key),
  CONSTRAINT job_keys_job_id_fkey FOREIGN KEY (job_id) REFERENCES jobs (id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX job_keys_job_id_idx ON job_keys (job_id);
