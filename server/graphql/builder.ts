/** The one schema builder, and what every resolver is given. */
import SchemaBuilder from "@pothos/core";
import ComplexityPlugin from "@pothos/plugin-complexity";
import DataloaderPlugin from "@pothos/plugin-dataloader";
import type { Access } from "../access/access.ts";
import type { Limits } from "../config.ts";
import type { Operations } from "../operations/operations.ts";
import type { RawJson } from "./json.ts";

export interface GraphQLContext {
  readonly access: Access;
  readonly operations: Operations;
  readonly limits: Limits;
  /** Aborts when nobody waits for the answer any more, or the server begins to close. Streams and long polls end by it. Made at the first look. */
  readonly signal: AbortSignal;
}

/** How many rows a list that is not paged counts for in the cost of a query. */
const LIST_COST = 10;

export const builder = new SchemaBuilder<{
  Context: GraphQLContext;
  DefaultFieldNullability: false;
  Scalars: {
    SafeInt: { Input: number; Output: number };
    DateTime: { Input: Date; Output: Date };
    JSON: { Input: RawJson; Output: RawJson };
  };
}>({
  plugins: [ComplexityPlugin, DataloaderPlugin],
  defaultFieldNullability: false,
  // Fields say what they cost with this plugin; limits.ts adds it up once per document, before anything runs.
  complexity: { disabled: true, defaultListMultiplier: LIST_COST },
});

/** What an operation needs to wait: nothing if the caller does not want to, for then no signal need be made. */
export function waiting(
  context: GraphQLContext,
  waitSeconds: number | null | undefined,
): { waitSeconds?: number; signal?: AbortSignal } {
  return waitSeconds === null || waitSeconds === undefined ? {} : { waitSeconds, signal: context.signal };
}

builder.queryType({ description: "What can be read. Reading never changes anything and never consumes a message." });
builder.mutationType({
  description:
    "What can be changed. Each takes one `input` and gives a payload. Fields of one operation run one after the other, in the order written.",
});
builder.subscriptionType({
  description: "What can be watched, as server-sent events: send the operation with `Accept: text/event-stream`.",
});
