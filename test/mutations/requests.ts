/** What a client may conclude from an answer, and what a request may cost. */
import { api, type Mutation } from "./mutation.ts";

export const REQUESTS: readonly Mutation[] = [
  {
    guarantee: "A client is not told to repeat a request of which a part may have happened",
    file: "server/errors.ts",
    from: '!errors.every(({ retry }) => retry === "SAFE")',
    to: '!errors.some(({ retry }) => retry === "SAFE")',
    test: api("http/errors", "an answer is not 503 when one of its writes may have happened"),
  },
  {
    guarantee: "A client is not told to repeat a mutation that succeeded",
    file: "server/graphql/http/mask-errors.ts",
    from: "const done = place.changes && (graphqlError?.path?.length ?? 0) > 1;",
    to: "const done = false;",
    test: api(
      "http/errors",
      "a part of the answer to a mutation that cannot be read asks nobody to repeat the mutation",
    ),
  },
  {
    guarantee: "A stream of events continues after the last one that its client has",
    file: "server/graphql/live.ts",
    from: "position.lastEventId ?? args.after",
    to: "args.after",
    test: api(
      "http/events",
      "an EventSource whose stream ends opens it again where it was, also when it had got no message yet",
    ),
  },
  {
    guarantee: "A document that asks for the same fields too many times is refused",
    file: "server/graphql/http/document-limits.ts",
    from: "this.#samePosition += field.count;",
    to: "",
    test: api("http/hostile-requests", "a field 990 times: the answer costs little more than parsing the request"),
  },
  {
    guarantee: "Events that are being rendered count against the memory of all streams",
    file: "server/graphql/http/event-streams.ts",
    from: "this.#bytes += event.bytes;",
    to: "",
    test: api(
      "http/event-streams",
      "events that take several turns to render count while they are rendered, so that not all are rendered at once",
    ),
  },
  {
    guarantee: "No field begins after the deadline of its operation",
    file: "server/graphql/schema/context.ts",
    from: "this.time.requireLeft();",
    to: "",
    test: api("http/deadline", "a write that has begun finishes, and none begins after the deadline"),
  },
  {
    guarantee: "A shutdown resets no connection that has a request",
    file: "server/http/draining-server.ts",
    from: "}, this.#graceMs);",
    to: "}, 0);",
    test: {
      file: "test/http/connections.test.ts",
      name: "a running answer says that it is the last, an idle connection serves one more request, and then all connections end",
    },
  },
  {
    guarantee: "A call has one deadline, which includes its wait",
    file: "server/storage/deadlines/call-deadlines.ts",
    from: "if (this.#timer === undefined) this.#wait(call);",
    to: "",
    test: {
      file: "test/storage/postgres/batch-executor.test.ts",
      name: "a deadline includes the wait, and a storage that has answered nothing by then counts as unreachable",
    },
  },
];
