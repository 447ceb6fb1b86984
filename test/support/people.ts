import { randomUUID } from "node:crypto";
import pg from "pg";

/** A session of this person, as a sign-in leaves it. Returns its id in the store. `url`: of the control database. */
export async function aSession(url: string | undefined, personId: string): Promise<string> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const id = randomUUID();
    await client.query(
      "INSERT INTO sessions (id, person_id, token, expires_at) VALUES ($1, $2, $3, now() + interval '1 day')",
      [id, personId, `token of ${id}`],
    );
    return id;
  } finally {
    await client.end();
  }
}
