-- Nullable and without a default, so that no row is written, and processes of an earlier version go on beside this one.
ALTER TABLE messages
  -- JSON: an object of texts. Null: none.
  ADD COLUMN headers text,
  -- JSON: where the message came from as a dead letter (server/storage/dead-lettered.ts).
  ADD COLUMN dead_lettered text,
  -- The client id of the last claim that delivered it.
  ADD COLUMN last_holder text,
  -- Of a message that was held back as a dead letter: the last claim that delivered it, or the nil UUID if that is unknown.
  ADD COLUMN last_delivery uuid;
