/** What is counted of each operation: nothing that a client chose. `unknown`: it could not be read. */
export interface OperationSeen {
  type: "query" | "mutation" | "subscription" | "unknown";
  outcome: "ok" | "error";
}

export type OnOperation = (seen: OperationSeen) => void;
