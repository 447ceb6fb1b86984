/** The first connection of a start to the database of DATABASE_URL. */
import { setTimeout as sleep } from "node:timers/promises";
import { parsePostgresUri } from "../storage/postgres/sql/address.ts";
import { openConnection } from "../storage/postgres/sql/connection.ts";
import { StartError } from "./start-error.ts";

const RETRY_MS = 1000;

/** Error codes of a server, or of the network before it, that may still be starting. Waiting may help. */
const TRANSIENT_CODES = new Set([
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
 * Resolves when the database accepts a connection. While it does not answer, this tries again for `waitSeconds`. A
 * StartError names the server, what is wrong and what to do; it holds no password.
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
      const isTransient =
        TRANSIENT_CODES.has(code ?? "") || (code === undefined && /timeout|terminated/i.test(message));
      if (!isTransient)
        throw new StartError(`${server} refuses the connection: ${message}. Correct the URL, or the database.`);
      const reason = code ?? "no answer in time";
      if (performance.now() >= until) {
        const hint = waitSeconds === 0 ? " DATABASE_WAIT is how many seconds a start waits for it." : "";
        throw new StartError(`${server} is unreachable: ${reason}. Start it, or correct the URL.${hint}`);
      }
      if (attempt === 1) report(`${server} is not reachable yet: ${reason}. Waiting for up to ${waitSeconds} s...`);
    }
    await sleep(RETRY_MS, undefined, { signal });
  }
}
