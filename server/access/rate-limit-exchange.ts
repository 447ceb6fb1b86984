/** Tells the processes once a second what the others counted, so that together they keep a limit. */
import type pg from "pg";
import type { RateLimits } from "./rate-limits.ts";

/** After this time without requests the next ones are counted from zero. */
const KEPT = "10 minutes";
const TRIM_EVERY = 60;

/** Of what others counted while this process told nothing for longer, most is over. */
const RECENT_MS = 3000;

const TELL = `
  INSERT INTO request_counts (key, requests)
  SELECT * FROM unnest($1::text[], $2::bigint[])
  ON CONFLICT (key) DO UPDATE SET requests = request_counts.requests + excluded.requests, told_at = clock_timestamp()
  RETURNING key, requests::float8 AS requests`;
const TRIM = `DELETE FROM request_counts WHERE told_at < clock_timestamp() - interval '${KEPT}'`;

/**
 * One statement for all that this process counted, and none while it counted nothing. The table has what all processes
 * counted since its row is there; the difference to what this one saw last, without its own part, is what others did.
 */
export class RateLimitExchange {
  readonly #limits: RateLimits;
  readonly #connections: Pick<pg.Pool, "query">;
  readonly #now: () => number;
  /** The last total of each key that this process knows, and since when. */
  readonly #totals = new Map<string, { requests: number; at: number }>();
  #rounds = 0;

  constructor(parts: { limits: RateLimits; connections: Pick<pg.Pool, "query">; now: () => number }) {
    this.#limits = parts.limits;
    this.#connections = parts.connections;
    this.#now = parts.now;
  }

  async run(): Promise<void> {
    const { buckets, due } = this.#limits;
    const now = this.#now();
    const keys: string[] = [];
    const counts: number[] = [];
    for (const key of due) {
      const bucket = buckets.peek(key);
      if (bucket?.isDue(now)) {
        keys.push(key);
        counts.push(bucket.taken);
        bucket.taken = 0;
      }
      if (!bucket?.isDue(now)) due.delete(key);
    }
    this.#rounds += 1;
    if (keys.length > 0) await this.#tell(keys, counts);
    if (this.#rounds % TRIM_EVERY !== 0) return;
    for (const key of this.#totals.keys()) if (!buckets.has(key)) this.#totals.delete(key);
    await this.#connections.query(TRIM);
  }

  async #tell(keys: readonly string[], counts: readonly number[]): Promise<void> {
    // In one order, so that processes do not wait for each other in a circle.
    const order = keys.map((_, index) => index).sort((a, b) => ((keys[a] as string) < (keys[b] as string) ? -1 : 1));
    const values = [order.map((index) => keys[index]), order.map((index) => counts[index])];
    const { rows } = await this.#connections.query<{ key: string; requests: number }>(TELL, values);
    const now = this.#now();
    const own = new Map(keys.map((key, index) => [key, counts[index] as number]));
    for (const { key, requests } of rows) {
      const before = this.#totals.get(key);
      this.#totals.set(key, { requests, at: now });
      // The row may have been made anew meanwhile.
      if (before === undefined || now - before.at > RECENT_MS || requests < before.requests) continue;
      const others = requests - before.requests - (own.get(key) ?? 0);
      const bucket = this.#limits.buckets.peek(key);
      if (others <= 0 || bucket === undefined) continue;
      bucket.takenElsewhere(others, now);
      if (bucket.isDue(now)) this.#limits.due.add(key);
    }
  }
}
