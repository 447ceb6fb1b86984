/** The start's first look at the database of DATABASE_URL. */
import { setTimeout as sleep } from "node:timers/promises";
import { StartError } from "./start-error.ts";
import { parsePostgresUri } from "./storage/postgres/address.ts";
import { openConnection } from "./storage/postgres/connection.ts";

const RETRY_MS = 1000;

/** What a database answers that is there, and to which waiting makes no difference. */
const REFUSALS: ReadonlyMap<string, string> = new Map([
  ["28P01", "refuses the password"],
  ["28000", "refuses this user"],
  ["3D000", "has no database of that name"],
]);

/**
 * Resolves when the database lets us in. While it does not answer, tries again for `waitSeconds`. A StartError says which
 * server, what is wrong and what to do, and holds no password.
 */
export async function reachDatabase(
  url: string,
  { waitSeconds, report, signal }: { waitSeconds: number; report: (line: string) => void; signal: AbortSignal },
): Promise<void> {
  const { host, port } = parsePostgresUri(url);
  const server = `The database of DATABASE_URL (${host}:${port})`;
  const until = performance.now() + waitSeconds * 1000;
  for (let attempt = 1; ; attempt += 1) {
    signal.throwIfAborted();
    try {
      const client = await openConnection(url, "isimud start");
      await client.end();
      return;
    } catch (error) {
      const { code = "no answer in time" } = error as { code?: string };
      const refusal = REFUSALS.get(code);
      if (refusal !== undefined) throw new StartError(`${server} ${refusal}. Correct the URL, or the database.`);
      if (performance.now() >= until) {
        const hint = waitSeconds === 0 ? " DATABASE_WAIT makes a start wait for it, for so many seconds." : "";
        throw new StartError(`${server} cannot be reached: ${code}. Start it, or correct the URL.${hint}`);
      }
      if (attempt === 1) report(`${server} cannot be reached yet: ${code}. Waiting for up to ${waitSeconds} s...`);
    }
    await sleep(RETRY_MS, undefined, { signal });
  }
}
