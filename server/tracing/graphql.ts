/** The span of a query or a mutation. It has neither its document nor its variables. */
import { trace } from "@opentelemetry/api";
import type { Executor } from "../graphql/http/execute.ts";
import { type Spans, setFailed } from "./spans.ts";

/** Characters of a name, which a client chooses. */
const MAX_NAME = 128;

export function tracedExecutor(executor: Executor, spans: Spans): Executor {
  return (prepared, context) => {
    const parent = spans.recording;
    if (parent === undefined) return executor(prepared, context);
    const type = prepared.operation?.operation ?? "unknown";
    const name = prepared.operation?.name?.value.slice(0, MAX_NAME);
    const attributes = {
      "graphql.operation.type": type,
      ...(name === undefined ? {} : { "graphql.operation.name": name }),
    };
    const span = spans.start(name === undefined ? type : `${type} ${name}`, { attributes }, parent);
    return spans.within(trace.setSpan(parent, span), async () => {
      try {
        const answer = await executor(prepared, context);
        const code = answer.errors?.[0]?.extensions?.code;
        if (answer.errors !== undefined) setFailed(span, typeof code === "string" ? code : "UNKNOWN");
        return answer;
      } finally {
        span.end();
      }
    });
  };
}
