-- What queues are filtered by: their pool, their flavor, and whether others name them as a dead letter queue. The first stands in the
-- catalogue and the others in the metadata of queues, so no index over one of these tables serves them together, in each order.
-- Triggers keep this table, whatever program and version writes.

CREATE TABLE queue_facets (
  project text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  -- Null: there is no such queue, only a catalogue entry of it, or queues that name it.
  created_at timestamptz(6),
  -- "": the catalogue has no entry.
  pool text COLLATE "C" NOT NULL DEFAULT '',
  flavor text COLLATE "C" NOT NULL DEFAULT '',
  is_dead_letter_queue boolean NOT NULL DEFAULT false,
  CONSTRAINT queue_facets_pkey PRIMARY KEY (project, name)
);

-- The `_flavor` in the metadata, or "". What PostgreSQL cannot read as JSON text, zero characters and halves of surrogate pairs, is
-- replaced first: neither can be in a flavor's name or in the key.
CREATE FUNCTION queue_flavor(metadata text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  members json;
BEGIN
  IF strpos(metadata, '"_flavor"') = 0 AND strpos(metadata, '\u00') = 0 THEN RETURN ''; END IF;
  BEGIN
    members := regexp_replace(metadata, '\\u(0000|[dD][89a-fA-F][0-9a-fA-F]{2})', '\\ufffd', 'g')::json;
    RETURN CASE json_typeof(members -> '_flavor') WHEN 'string' THEN members ->> '_flavor' ELSE '' END;
  EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
    RETURN '';
  END;
END $$;

CREATE FUNCTION rebuild_queue_facets() RETURNS void LANGUAGE sql SET search_path FROM CURRENT AS $$
  DELETE FROM queue_facets;
  INSERT INTO queue_facets (project, name, created_at, pool, flavor, is_dead_letter_queue)
  SELECT project, name, max(created_at), coalesce(max(pool), ''), coalesce(max(flavor), ''), bool_or(is_dead_letter_queue)
  FROM (
    SELECT project, name, created_at, NULL COLLATE "C" AS pool, queue_flavor(metadata) COLLATE "C" AS flavor, false AS is_dead_letter_queue
    FROM queues
    UNION ALL
    SELECT project, queue, NULL, pool, NULL, false FROM catalogue_entries
    UNION ALL
    SELECT project, dead_letter_queue, NULL, NULL, NULL, true FROM queues WHERE dead_letter_queue IS NOT NULL
  ) AS known
  GROUP BY project, name;
$$;

-- Deferred to the end of the transaction, so that its locks here are its last. It takes them in the order of names.
CREATE FUNCTION queues_facets() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  own queues := CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
  concerned text;
BEGIN
  IF TG_OP = 'UPDATE' AND queue_flavor(OLD.metadata) = queue_flavor(NEW.metadata)
    AND OLD.dead_letter_queue IS NOT DISTINCT FROM NEW.dead_letter_queue
  THEN RETURN NULL;
  END IF;
  FOR concerned IN
    SELECT DISTINCT one COLLATE "C" AS name FROM unnest(ARRAY[own.name, OLD.dead_letter_queue, NEW.dead_letter_queue]) AS one
    WHERE one IS NOT NULL ORDER BY name
  LOOP
    IF concerned = own.name AND TG_OP = 'DELETE' THEN
      UPDATE queue_facets f SET created_at = NULL, flavor = '' WHERE f.project = own.project AND f.name = concerned;
    ELSIF concerned = own.name THEN
      INSERT INTO queue_facets (project, name, created_at, flavor)
      VALUES (own.project, concerned, own.created_at, queue_flavor(own.metadata))
      ON CONFLICT (project, name) DO UPDATE SET created_at = excluded.created_at, flavor = excluded.flavor;
    END IF;
    IF concerned = NEW.dead_letter_queue THEN
      -- A shared lock, so that the queues of one dead letter queue are created side by side.
      PERFORM 1 FROM queue_facets f WHERE f.project = own.project AND f.name = concerned AND f.is_dead_letter_queue FOR SHARE;
      IF NOT FOUND THEN
        INSERT INTO queue_facets (project, name, is_dead_letter_queue) VALUES (own.project, concerned, true)
        ON CONFLICT (project, name) DO UPDATE SET is_dead_letter_queue = true;
      END IF;
    ELSIF concerned = OLD.dead_letter_queue THEN
      PERFORM 1 FROM queue_facets f WHERE f.project = own.project AND f.name = concerned FOR UPDATE;
      -- Sees whatever was committed before the lock was granted.
      UPDATE queue_facets f SET is_dead_letter_queue = false
      WHERE f.project = own.project AND f.name = concerned
        AND NOT EXISTS (SELECT FROM queues q WHERE q.project = own.project AND q.dead_letter_queue = concerned);
    END IF;
    DELETE FROM queue_facets f
    WHERE f.project = own.project AND f.name = concerned
      AND f.created_at IS NULL AND f.pool = '' AND NOT f.is_dead_letter_queue;
  END LOOP;
  RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER queues_facets AFTER INSERT OR DELETE OR UPDATE OF metadata, dead_letter_queue ON queues
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION queues_facets();

CREATE FUNCTION catalogue_entries_facets() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    DELETE FROM queue_facets f USING changed c
    WHERE f.project = c.project AND f.name = c.queue AND f.created_at IS NULL AND NOT f.is_dead_letter_queue;
    UPDATE queue_facets f SET pool = '' FROM changed c WHERE f.project = c.project AND f.name = c.queue;
  ELSE
    INSERT INTO queue_facets (project, name, pool) SELECT project, queue, pool FROM changed ORDER BY project, queue
    ON CONFLICT (project, name) DO UPDATE SET pool = excluded.pool;
  END IF;
  RETURN NULL;
END $$;

CREATE TRIGGER catalogue_entries_facets_insert AFTER INSERT ON catalogue_entries REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION catalogue_entries_facets();
CREATE TRIGGER catalogue_entries_facets_update AFTER UPDATE ON catalogue_entries REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION catalogue_entries_facets();
CREATE TRIGGER catalogue_entries_facets_delete AFTER DELETE ON catalogue_entries REFERENCING OLD TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION catalogue_entries_facets();

-- The triggers hold off writers until the commit, so nothing is missed.
SELECT rebuild_queue_facets();

CREATE INDEX queue_facets_name ON queue_facets (project, pool, flavor, is_dead_letter_queue, name) WHERE created_at IS NOT NULL;
CREATE INDEX queue_facets_age ON queue_facets (project, pool, flavor, is_dead_letter_queue, created_at, name) WHERE created_at IS NOT NULL;
CREATE INDEX queue_facets_all_name ON queue_facets (pool, flavor, is_dead_letter_queue, name, project) WHERE created_at IS NOT NULL;
CREATE INDEX queue_facets_all_age ON queue_facets (pool, flavor, is_dead_letter_queue, created_at, project, name) WHERE created_at IS NOT NULL;
