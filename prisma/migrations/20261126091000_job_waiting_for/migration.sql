-- What a job that tries again waits for, such as "pool fast"; null while it goes on.
ALTER TABLE jobs ADD COLUMN waiting_for text;
