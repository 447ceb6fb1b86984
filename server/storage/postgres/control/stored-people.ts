/** How many people there are, for commands that look at a database. */
import { openConnections } from "../sql/connection.ts";

export interface StoredPeople {
  people: number;
  /** Those that are admin of all projects and not disabled. */
  admins: number;
  /** Those of them that have signed in before, or have a password. */
  adminsWithAccess: number;
}

/** Null when there is no such table yet. Only reads. Connection errors are passed on unchanged. */
export async function countPeople(url: string): Promise<StoredPeople | null> {
  const connections = openConnections({ url, connections: 1, applicationName: "isimud look" });
  try {
    const { rows: tables } = await connections.query("SELECT 1 FROM pg_class WHERE oid = to_regclass('people')");
    if (tables.length === 0) return null;
    const { rows } = await connections.query<StoredPeople>(
      `SELECT count(*)::int AS people, (count(*) FILTER (WHERE is_admin))::int AS admins,
              (count(*) FILTER (WHERE is_admin AND has_access))::int AS "adminsWithAccess"
       FROM (SELECT disabled_at IS NULL AND grants @> '[{"role": "admin", "projects": null}]' AS is_admin,
                    EXISTS (SELECT FROM accounts a WHERE a.person_id = p.id) AS has_access
             FROM people p) AS known`,
    );
    return rows[0] ?? null;
  } finally {
    await connections.end();
  }
}
