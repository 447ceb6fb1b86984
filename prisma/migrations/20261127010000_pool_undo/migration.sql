-- What an operator removed can be taken back for a while (server/storage/postgres/undo).
-- The token of the queue's last purge, or of its deletion. Null once gc may free what that removed.
ALTER TABLE pool_queues ADD COLUMN undo_token uuid;

-- Messages that were deleted and can be taken back.
CREATE TABLE deleted_messages (
  queue_id bigint NOT NULL,
  token uuid NOT NULL,
  marker bigint NOT NULL,
  deleted_at timestamptz(6) NOT NULL,
  -- The row of `messages`, without its claim.
  message jsonb NOT NULL,
  CONSTRAINT deleted_messages_pkey PRIMARY KEY (queue_id, token, marker)
);
CREATE INDEX deleted_messages_deleted_at_idx ON deleted_messages (deleted_at);
