/** One way to queue messages, as the bench drives it. Ids are whatever names a message for `posted` and `taken` alike. */
export interface Contender {
  name: string;
  /** Appends `count` messages. */
  post(count: number): Promise<void>;
  /** Takes up to `count` messages and deletes them; gives their payload numbers, none when nothing was there. */
  take(count: number): Promise<number[]>;
  /** Drains a backlog with `clients` workers in a way of its own (a runner), instead of `take`. */
  drain?(clients: number, total: number): Promise<number[]>;
  close(): Promise<void>;
}

/** Payload numbers are unique in a bench run, so that each message can be checked to come exactly once. */
let next = 0;
const FILLER = "x".repeat(220);
export const payload = () => ({ n: next++, filler: FILLER });
