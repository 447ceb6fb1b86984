-- What gives out no messages, because somebody paused it. What does not apply of whose it is, is "".
CREATE TABLE pauses (
  scope text COLLATE "C" NOT NULL CHECK (scope IN ('everything', 'project', 'queue')),
  project text COLLATE "C" NOT NULL DEFAULT '',
  queue text COLLATE "C" NOT NULL DEFAULT '',
  at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
  actor text NOT NULL,
  reason text NOT NULL,
  CONSTRAINT pauses_pkey PRIMARY KEY (scope, project, queue)
);

-- A queue that is created again is not paused.
CREATE FUNCTION queues_pauses() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  DELETE FROM pauses p USING gone g WHERE p.scope = 'queue' AND p.project = g.project AND p.queue = g.name;
  RETURN NULL;
END $$;
CREATE TRIGGER queues_pauses_delete AFTER DELETE ON queues REFERENCING OLD TABLE AS gone
  FOR EACH STATEMENT EXECUTE FUNCTION queues_pauses();
