-- The order is that in which running statements lock: the queue's row first, the sequence last.

-- Whether some of the queue's messages came from elsewhere, so that their ids must be looked up in messages_origin.
ALTER TABLE pool_queues ADD COLUMN holds_moved boolean NOT NULL DEFAULT false;
UPDATE pool_queues q SET holds_moved = true
  WHERE EXISTS (SELECT 1 FROM messages m WHERE m.queue_id = q.id AND m.origin_id IS NOT NULL);

-- Room on each page for another version of each of its messages: a claim then touches no index and writes a sixth of the log. The price is twice the pages.
ALTER TABLE messages SET (fillfactor = 50);

-- A post draws its markers in blocks (server/storage/postgres/message-posts.ts): each nextval gives those up to the next one.
ALTER SEQUENCE message_marker INCREMENT BY 1024;
