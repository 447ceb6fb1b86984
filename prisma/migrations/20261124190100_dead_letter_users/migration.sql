-- Which queues use a dead letter queue: the name stands in their metadata, which is text and can be searched for by nothing.
ALTER TABLE queues ADD COLUMN dead_letter_queue text COLLATE "C";

-- Nobody else reads or writes queues until this ends, so only those are read whose metadata has the key as it is, or with an escape. What processes of an
-- older version set meanwhile or later is found by garbage collection.
DO $$
DECLARE
  queue record;
BEGIN
  FOR queue IN SELECT project, name, metadata FROM queues WHERE metadata LIKE '%"\_dead\_letter\_queue"%' OR metadata LIKE '%\\u00%' LOOP
    -- Metadata that PostgreSQL cannot read, such as a zero character in it, is read by garbage collection too.
    BEGIN
      UPDATE queues q SET dead_letter_queue = queue.metadata::json ->> '_dead_letter_queue'
      WHERE q.project = queue.project AND q.name = queue.name AND json_typeof(queue.metadata::json -> '_dead_letter_queue') = 'string';
    EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
      NULL;
    END;
  END LOOP;
END $$;

CREATE INDEX queues_dead_letter_queue ON queues (project, dead_letter_queue, name) WHERE dead_letter_queue IS NOT NULL;
