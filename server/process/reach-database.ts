/** The start's first look at the database of DATABASE_URL. */
import { setTimeout as sleep } from "node:timers/promises";
import { parsePostgresUri } from "../storage/postgres/sql/address.ts";
import { openConnection } from "../storage/postgres/sql/connection.ts";
import { StartError } from "./start-error.ts";

const RETRY_MS = 1000;

/** What a database, or the way to it, says while it starts: waiting may help. */
const PASSING = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ENOENT",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ETIMEDOUT",
  // cannot_connect_now, too_many_connections
  "57P03",
  "53300",
]);

/**
 * Resolves when the database lets us in. While it does not answer, tries again for `waitSeconds`. A StartError says
 * which server, what is wrong and what to do, and holds no password.
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
      const { code, message } = error as { code?: string; message: string };
      // A connection that takes too long, or ends before the server has answered, has no code.
      const passes = PASSING.has(code ?? "") || (code === undefined && /timeout|terminated/i.test(message));
      if (!passes) throw new StartError(`${server} does not let us in: ${message}. Correct the URL, or the database.`);
      const reason = code ?? "no answer in time";
      if (performance.now() >= until) {
        const hint = waitSeconds === 0 ? " DATABASE_WAIT makes a start wait for it, for so many seconds." : "";
        throw new StartError(`${server} cannot be reached: ${reason}. Start it, or correct the URL.${hint}`);
      }
      if (attempt === 1) report(`${server} cannot be reached yet: ${reason}. Waiting for up to ${waitSeconds} s...`);
    }
    await sleep(RETRY_MS, undefined, { signal });
  }
}
