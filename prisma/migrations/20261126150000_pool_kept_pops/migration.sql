-- Keys of pops hold answers, so gc frees them earlier than the others (server/storage/postgres/gc.ts).
CREATE INDEX idempotency_keys_pops ON idempotency_keys (created_at) WHERE left(request, 4) = 'pop:';
