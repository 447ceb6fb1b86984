/** The schema builder that all nouns add to. */
import SchemaBuilder from "@pothos/core";
import ComplexityPlugin from "@pothos/plugin-complexity";
import type { GraphQLContext } from "./context.ts";
import type { RawJson } from "./json.ts";

/** How many rows a list without pages counts as in the cost of an operation. */
const LIST_COST = 10;

export const builder = new SchemaBuilder<{
  Context: GraphQLContext;
  DefaultFieldNullability: false;
  Scalars: {
    ID: { Input: string; Output: string };
    SafeInt: { Input: number; Output: number };
    DateTime: { Input: Date; Output: Date };
    JSON: { Input: RawJson; Output: RawJson };
  };
}>({
  plugins: [ComplexityPlugin],
  defaultFieldNullability: false,
  // With this plugin fields declare their cost. document-limits.ts adds it up once per document, before anything runs.
  complexity: { disabled: true, defaultListMultiplier: LIST_COST },
});

/**
 * Runs `work`, which waits for up to `waitSeconds`. Without them it gets no signal, because creating one costs time.
 */
export function waiting<T>(
  context: GraphQLContext,
  waitSeconds: number | null | undefined,
  work: (wait: { waitSeconds?: number; signal?: AbortSignal }) => Promise<T>,
): Promise<T> {
  if (waitSeconds === null || waitSeconds === undefined) return work({});
  return context.time.waiting(waitSeconds, context.signal, (signal) => work({ waitSeconds, signal }));
}

builder.queryType({
  description:
    "What can be read. Reading changes nothing and consumes no message. A field that fails is null, with its error in `errors`; the others are in the answer all the same.",
});
builder.mutationType({
  description:
    "What can be changed. Each mutation takes one `input` and returns a payload. The mutations of one operation run one after the other, in the order written. A mutation that fails is null, with its error in `errors`; the payloads of the others are in the answer all the same.",
});
builder.subscriptionType({
  description: "What can be watched, as server-sent events: send the operation with `Accept: text/event-stream`.",
});
