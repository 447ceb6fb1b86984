import pg from "pg";

/**
 * Creates queues in the catalogue, in the pool `default` and among those that are sampled, all in few statements.
 * `columns` gives each one's project, name and attributes: SQL of its number `n`, from 0 on.
 */
export async function createManyQueues(
  url: string,
  queues: number,
  columns: { project: string; name: string; metadata?: string; deadLetterQueue?: string },
): Promise<void> {
  const { project, name, metadata = "'{}'", deadLetterQueue = "NULL" } = columns;
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  // Row by row the triggers would take longer than the measurement.
  await client.query("ALTER TABLE queues DISABLE TRIGGER USER");
  await client.query(
    `INSERT INTO queues (project, name, metadata, dead_letter_queue)
     SELECT ${project}, ${name}, ${metadata}, ${deadLetterQueue} FROM generate_series(0, $1::int - 1) n`,
    [queues],
  );
  await client.query(
    `INSERT INTO catalogue_entries (project, queue, pool, epoch)
     SELECT project, name, 'default', nextval('catalogue_epoch') FROM queues
     ON CONFLICT DO NOTHING`,
  );
  await client.query(
    `INSERT INTO pool_queues (project, name, epoch)
     SELECT project, queue, epoch FROM catalogue_entries
     ON CONFLICT DO NOTHING`,
  );
  await client.query("ALTER TABLE queues ENABLE TRIGGER USER");
  await client.query("SELECT rebuild_queue_facets()");
  await client.query(
    "INSERT INTO queue_samples (project, name) SELECT project, name FROM queues ON CONFLICT DO NOTHING",
  );
  await client.query("VACUUM ANALYZE");
  await client.end();
}
