/** What is counted of each operation: nothing that a client chose. `unknown`: it could not be read. */
export interface OperationSeen {
  type: "query" | "mutation" | "subscription" | "unknown";
  outcome: "ok" | "error";
}

/** `seconds` from the request to the end of its answer; of a stream, to its end. */
export type OnOperation = (seen: OperationSeen, seconds: number) => void;

/** Seconds since `begun`, an instant of performance.now(). */
export function secondsSince(begun: number): number {
  return (performance.now() - begun) / 1000;
}
