/** One way to queue messages, as the bench drives it. */
export interface Contender {
  name: string;
  /** Appends `count` messages. */
  post(count: number): Promise<void>;
  /** Claims up to `count` messages and deletes them. Returns their payload numbers; none when the queue is empty. */
  take(count: number): Promise<number[]>;
  /** Instead of `take`: empties a backlog of `total` with a runner of its own, which runs `clients` jobs at a time. */
  drain?(clients: number, total: number): Promise<number[]>;
  close(): Promise<void>;
}

/** Payload numbers are unique in a bench run, so that the bench can check that each message came exactly once. */
let next = 0;
const FILLER = "x".repeat(220);
export const payload = () => ({ n: next++, filler: FILLER });
