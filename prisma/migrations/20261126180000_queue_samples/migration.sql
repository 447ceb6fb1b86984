-- What queues did over time (server/history). A process samples for all: see server/operations/samples/queue-sampling.ts.

-- The last sample of each queue, and what the next one is compared with. Lists of queues are filtered and ordered by it, so every queue has
-- a row, and what it does not have is no NULL but sorts below all that there is.
CREATE TABLE queue_samples (
  project text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  id serial NOT NULL,
  -- Null: there is no sample of it yet.
  taken_at timestamptz(6),
  pool text COLLATE "C",
  epoch bigint,
  ready bigint NOT NULL DEFAULT 0,
  claimed bigint NOT NULL DEFAULT 0,
  delayed bigint NOT NULL DEFAULT 0,
  exhausted bigint NOT NULL DEFAULT 0,
  exact boolean NOT NULL DEFAULT true,
  -- -1: no sample.
  total bigint NOT NULL DEFAULT -1,
  -- Infinity: nothing is ready, or no sample.
  oldest_ready_at timestamptz(6) NOT NULL DEFAULT 'infinity'::timestamptz,
  -- Messages posted and delivered a second. -1: unknown; -2: no sample.
  rate double precision NOT NULL DEFAULT -2,
  -- When a number changes by itself next.
  changes_at timestamptz(6),
  -- Messages a second, one for each kind of change. Null: unknown.
  rates double precision[],
  totals bigint[],
  -- The end of its last minute with a sample, and how it was then: totals, states, and seconds since 1970 of the oldest ready message or -1.
  minute_until timestamptz(6),
  minute bigint[],
  CONSTRAINT queue_samples_pkey PRIMARY KEY (project, name)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 5000);
CREATE UNIQUE INDEX queue_samples_id_key ON queue_samples (id);
CREATE INDEX queue_samples_depth ON queue_samples (project, total, name);
CREATE INDEX queue_samples_oldest ON queue_samples (project, oldest_ready_at, name);
CREATE INDEX queue_samples_rate ON queue_samples (project, rate, name);
CREATE INDEX queue_samples_all_depth ON queue_samples (total, project, name);
CREATE INDEX queue_samples_all_oldest ON queue_samples (oldest_ready_at, project, name);
CREATE INDEX queue_samples_all_rate ON queue_samples (rate, project, name);
CREATE INDEX queue_samples_changes ON queue_samples (changes_at) WHERE changes_at IS NOT NULL;
CREATE INDEX queue_samples_exhausted ON queue_samples (project, name) WHERE exhausted > 0;

-- The sums of the pools and of the projects, how far the pools were read, and up to when a resolution was summed up to the next one.
CREATE TABLE sampled_groups (
  -- pool, project or resolution.
  kind text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  id serial NOT NULL,
  -- Null: there is no sample of it yet.
  taken_at timestamptz(6),
  ready bigint NOT NULL DEFAULT 0,
  claimed bigint NOT NULL DEFAULT 0,
  delayed bigint NOT NULL DEFAULT 0,
  exhausted bigint NOT NULL DEFAULT 0,
  exact boolean NOT NULL DEFAULT true,
  oldest_ready_at timestamptz(6),
  rates double precision[],
  -- Of a pool: up to where its changes were read every 10 seconds and every minute, and the end of the last interval that is whole.
  mark text,
  mark_until timestamptz(6),
  minute_mark text,
  minute_until timestamptz(6),
  CONSTRAINT sampled_groups_pkey PRIMARY KEY (kind, name)
);
CREATE UNIQUE INDEX sampled_groups_id_key ON sampled_groups (id);

-- The history: all samples of a round that have the same shard, in the bytes of server/history/sample-block.ts. Rows are only added, and
-- deleted when they are old.
CREATE TABLE sample_blocks (
  -- Seconds.
  resolution smallint NOT NULL,
  -- Of queues: their id modulo 256. Of pools and projects: 256, and their id modulo 32.
  shard smallint NOT NULL,
  -- The end of the interval.
  until timestamptz(6) NOT NULL,
  -- The pool's id; 0 for pools, projects, and what was summed up of all pools.
  part integer NOT NULL,
  samples bytea NOT NULL,
  CONSTRAINT sample_blocks_pkey PRIMARY KEY (resolution, shard, until, part)
);
-- They are small already, and compressing takes time.
ALTER TABLE sample_blocks ALTER COLUMN samples SET STORAGE EXTERNAL;

CREATE FUNCTION queues_samples() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    DELETE FROM queue_samples s USING changed c WHERE s.project = c.project AND s.name = c.name;
  ELSE
    INSERT INTO queue_samples (project, name) SELECT project, name FROM changed ORDER BY project, name ON CONFLICT DO NOTHING;
  END IF;
  RETURN NULL;
END $$;

CREATE TRIGGER queues_samples_insert AFTER INSERT ON queues REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION queues_samples();
CREATE TRIGGER queues_samples_delete AFTER DELETE ON queues REFERENCING OLD TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION queues_samples();

-- The triggers hold off writers until the commit, so nothing is missed.
INSERT INTO queue_samples (project, name) SELECT project, name FROM queues ORDER BY project, name;
