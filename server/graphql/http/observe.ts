/** The labels of a counted operation: nothing that a client chose. `unknown`: its document could not be read. */
export interface OperationSeen {
  type: "query" | "mutation" | "subscription" | "unknown";
  outcome: "ok" | "error";
}

/** `seconds` from the request to the end of its answer, or to the end of its stream. */
export type OnOperation = (seen: OperationSeen, seconds: number) => void;

/** Seconds since `begun`, by performance.now(). */
export function secondsSince(begun: number): number {
  return (performance.now() - begun) / 1000;
}
