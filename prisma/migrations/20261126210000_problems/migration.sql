-- What is wrong now (server/problems). One process finds it for all; a row goes when the problem ends.

CREATE TABLE problems (
  id bigserial PRIMARY KEY,
  kind text COLLATE "C" NOT NULL,
  -- Whose problem it is: a queue's (project and queue), a pool's or a job's. What does not apply is "".
  project text COLLATE "C" NOT NULL DEFAULT '',
  queue text COLLATE "C" NOT NULL DEFAULT '',
  pool text COLLATE "C" NOT NULL DEFAULT '',
  job text COLLATE "C" NOT NULL DEFAULT '',
  -- 1: critical. 2: warning.
  severity smallint NOT NULL,
  -- Since when it is so, which is before it was found.
  since timestamptz(3) NOT NULL,
  seen_at timestamptz(3) NOT NULL,
  -- JSON: what its text is made of.
  numbers text NOT NULL
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX problems_subject ON problems (kind, project, queue, pool, job);
CREATE INDEX problems_worst ON problems (severity, since, id);
CREATE INDEX problems_queue ON problems (project, queue);
CREATE INDEX problems_pool ON problems (pool) WHERE pool <> '';

-- Problems that somebody knows of. A snooze outlives its problem: if that comes again, it stays silent until then.
CREATE TABLE problem_snoozes (
  kind text COLLATE "C" NOT NULL,
  project text COLLATE "C" NOT NULL DEFAULT '',
  queue text COLLATE "C" NOT NULL DEFAULT '',
  pool text COLLATE "C" NOT NULL DEFAULT '',
  job text COLLATE "C" NOT NULL DEFAULT '',
  until timestamptz(3) NOT NULL,
  actor text NOT NULL,
  reason text NOT NULL,
  CONSTRAINT problem_snoozes_pkey PRIMARY KEY (kind, project, queue, pool, job)
);

-- What the rules remember of a queue between two samples, JSON: server/problems/queue-rules.ts.
ALTER TABLE queue_samples ADD COLUMN rules text;

-- Whether a failed job was asked for again.
CREATE INDEX jobs_target ON jobs (kind, target, id);

CREATE FUNCTION queues_problems() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  DELETE FROM problems p USING gone g WHERE p.project = g.project AND p.queue = g.name;
  DELETE FROM problem_snoozes z USING gone g WHERE z.project = g.project AND z.queue = g.name;
  RETURN NULL;
END $$;
CREATE TRIGGER queues_problems_delete AFTER DELETE ON queues REFERENCING OLD TABLE AS gone
  FOR EACH STATEMENT EXECUTE FUNCTION queues_problems();
