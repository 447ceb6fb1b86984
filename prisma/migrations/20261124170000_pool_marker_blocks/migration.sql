-- A post draws its markers in blocks (server/storage/postgres/message-posts.ts): each nextval gives those up to the next one.
ALTER SEQUENCE message_marker INCREMENT BY 1024;
-- Room on each page for another version of each of its messages: a claim then touches no index and writes a sixth of the log. The price is twice the pages.
ALTER TABLE messages SET (fillfactor = 50);
