-- The queues that Prometheus is told of by name: those with `"_metrics": true` in their metadata, few of many.

-- What PostgreSQL cannot read as JSON text, zero characters and halves of surrogate pairs, is replaced first: neither can be in the key.
CREATE FUNCTION queue_has_metrics(metadata text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  members json;
BEGIN
  IF strpos(metadata, '"_metrics"') = 0 AND strpos(metadata, '\u00') = 0 THEN RETURN false; END IF;
  BEGIN
    members := regexp_replace(metadata, '\\u(0000|[dD][89a-fA-F][0-9a-fA-F]{2})', '\\ufffd', 'g')::json;
    RETURN coalesce((members -> '_metrics')::text = 'true', false);
  EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
    RETURN false;
  END;
END $$;

CREATE INDEX queues_with_metrics ON queues (created_at, project, name) WHERE queue_has_metrics(metadata);
