/** The one schema builder. */
import SchemaBuilder from "@pothos/core";
import ComplexityPlugin from "@pothos/plugin-complexity";
import DataloaderPlugin from "@pothos/plugin-dataloader";
import type { GraphQLContext } from "./context.ts";
import type { RawJson } from "./json.ts";

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

/** Runs `work` with what it needs to wait: nothing if the caller does not want to, for then no signal need be made. */
export function waiting<T>(
  context: GraphQLContext,
  waitSeconds: number | null | undefined,
  work: (wait: { waitSeconds?: number; signal?: AbortSignal }) => Promise<T>,
): Promise<T> {
  if (waitSeconds === null || waitSeconds === undefined) return work({});
  return context.time.waiting(waitSeconds, context.signal, (signal) => work({ waitSeconds, signal }));
}

builder.queryType({ description: "What can be read. Reading never changes anything and never consumes a message." });
builder.mutationType({
  description:
    "What can be changed. Each takes one `input` and gives a payload. Fields of one operation run one after the other, in the order written. One that fails is null, beside its error, and what the others did is in the answer all the same.",
});
builder.subscriptionType({
  description: "What can be watched, as server-sent events: send the operation with `Accept: text/event-stream`.",
});
