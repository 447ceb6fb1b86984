-- A deleted message that an undo brings back was not posted again. Otherwise as it was in
-- 20261127020000_pool_lives_between_pools.
CREATE OR REPLACE FUNCTION message_life_note() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  -- The pool's clock. Only tests move it.
  now CONSTANT timestamptz := clock_timestamp()
    + coalesce(nullif(current_setting('isimud.clock_offset', true), ''), '0')::float8 * interval '1 second';
  taken record;
  state text;
  low_water bigint;
  ended timestamptz;
  cause text;
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF left(current_query(), 40) LIKE '/* life=restored */%' THEN
      INSERT INTO message_events (queue_id, marker, origin_id, kind, at, deliveries)
      VALUES (NEW.queue_id, NEW.marker, NEW.origin_id, 'restored', now, NEW.claim_count);
      RETURN NULL;
    END IF;
    INSERT INTO message_events (queue_id, marker, origin_id, kind, at, client_id, until, other_queue)
    SELECT NEW.queue_id, NEW.marker, NEW.origin_id, CASE WHEN NEW.origin_id IS NULL THEN 'posted' ELSE 'arrived' END,
      NEW.created_at, CASE WHEN NEW.origin_id IS NULL THEN NEW.client_id END, NEW.available_at,
      CASE WHEN NEW.origin_id IS NOT NULL THEN coalesce(
        -- Whoever brings messages from another pool says from which queue they come.
        nullif(current_setting('isimud.other_queue', true), ''),
        nullif(NEW.dead_lettered::json ->> 'queue', (SELECT q.name FROM pool_queues q WHERE q.id = NEW.queue_id))
      ) END;
    RETURN NULL;
  END IF;

  IF TG_OP = 'DELETE' THEN
    cause := coalesce(substring(left(current_query(), 40) FROM '^/\* life=(\w+) \*/'), 'deleted');
    ended := now;
    IF cause IN ('expired', 'unreachable') THEN
      SELECT q.state, q.low_water, q.purged_at INTO state, low_water, ended FROM pool_queues q WHERE q.id = OLD.queue_id;
      -- The queue has ended, and with it the lives of its messages.
      IF state IS DISTINCT FROM 'live' THEN RETURN NULL; END IF;
      IF OLD.marker <= low_water THEN
        cause := 'purged';
        ended := coalesce(ended, now);
      ELSE
        ended := OLD.expires_at;
      END IF;
    END IF;
  END IF;

  -- A claim that only held the message back as a dead letter delivered nothing.
  IF OLD.claim_expires_at IS NOT NULL AND OLD.last_delivery IS NULL AND (CASE
      WHEN TG_OP = 'DELETE' THEN OLD.claim_expires_at <= ended
      WHEN NEW.queue_id <> OLD.queue_id OR NEW.claim_id IS NULL THEN false
      ELSE NEW.claim_id <> OLD.claim_id OR NEW.claim_expires_at IS NULL
    END)
  THEN
    INSERT INTO message_events (queue_id, marker, origin_id, kind, at, client_id, claim_id)
    VALUES (OLD.queue_id, OLD.marker, OLD.origin_id, 'lapsed', OLD.claim_expires_at, OLD.last_holder, OLD.claim_id);
  END IF;

  IF TG_OP = 'DELETE' THEN
    INSERT INTO message_events (queue_id, marker, origin_id, kind, at, client_id, claim_id, deliveries)
    SELECT OLD.queue_id, OLD.marker, OLD.origin_id, cause, ended, CASE WHEN held.really THEN OLD.last_holder END,
      CASE WHEN held.really THEN OLD.claim_id END, OLD.claim_count
    FROM (
      SELECT cause NOT IN ('expired', 'purged') AND OLD.claim_expires_at > now AND OLD.last_delivery IS NULL AS really
    ) AS held;
    RETURN NULL;
  END IF;

  IF NEW.queue_id <> OLD.queue_id THEN
    INSERT INTO message_events (queue_id, marker, origin_id, kind, at, deliveries, other_queue)
    SELECT OLD.queue_id, OLD.marker, OLD.origin_id,
      CASE WHEN NEW.dead_lettered IS DISTINCT FROM OLD.dead_lettered THEN 'deadLettered' ELSE 'moved' END,
      NEW.created_at, OLD.claim_count, (SELECT q.name FROM pool_queues q WHERE q.id = NEW.queue_id)
    FROM message_life_queues l WHERE l.queue_id = OLD.queue_id AND l.seconds > 0;
    INSERT INTO message_events (queue_id, marker, origin_id, kind, at, other_queue)
    SELECT NEW.queue_id, NEW.marker, NEW.origin_id, 'arrived', NEW.created_at,
      (SELECT q.name FROM pool_queues q WHERE q.id = OLD.queue_id)
    FROM message_life_queues l WHERE l.queue_id = NEW.queue_id AND l.seconds > 0;
  ELSIF NEW.claim_id IS NULL THEN
    IF OLD.claim_id IS NOT NULL AND OLD.last_delivery IS NULL THEN
      INSERT INTO message_events (queue_id, marker, origin_id, kind, at, client_id, claim_id, until)
      VALUES (NEW.queue_id, NEW.marker, NEW.origin_id, 'released', now, OLD.last_holder, OLD.claim_id,
        CASE WHEN NEW.available_at IS DISTINCT FROM OLD.available_at THEN NEW.available_at END);
    END IF;
  ELSIF NEW.claim_count > OLD.claim_count OR NEW.claim_id = OLD.claim_id AND NEW.claim_expires_at <> OLD.claim_expires_at THEN
    SELECT c.renewed_at, c.actor INTO taken FROM claims c WHERE c.queue_id = NEW.queue_id AND c.id = NEW.claim_id;
    INSERT INTO message_events (queue_id, marker, origin_id, kind, at, client_id, actor, claim_id, until, deliveries)
    VALUES (NEW.queue_id, NEW.marker, NEW.origin_id,
      CASE WHEN NEW.claim_count > OLD.claim_count THEN 'claimed' ELSE 'renewed' END,
      coalesce(taken.renewed_at, now), NEW.last_holder, taken.actor, NEW.claim_id, NEW.claim_expires_at,
      NEW.claim_count);
  END IF;
  RETURN NULL;
END
$$;
