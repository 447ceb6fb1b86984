/**
 * Drops a database and ends its connections; nothing if there is none. Not WITH (FORCE), which an autovacuum worker in
 * the database makes fail, since that belongs to the superuser: without it PostgreSQL ends the worker itself.
 */
export async function dropDatabase(
  query: (sql: string) => Promise<{ rowCount: number | null }>,
  name: string,
): Promise<void> {
  if ((await query(`SELECT FROM pg_database WHERE datname = '${name}'`)).rowCount === 0) return;
  await query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS false`);
  await query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}' AND backend_type = 'client backend'`,
  );
  await query(`DROP DATABASE ${name}`);
}
