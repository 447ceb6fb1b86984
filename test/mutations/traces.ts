/** Traces that messages carry. */
import type { Mutation } from "./mutation.ts";

const tracing = (name: string) => ({ file: "test/tracing/tracing.test.ts", name });

export const TRACES: readonly Mutation[] = [
  {
    guarantee: "No post is too large because of its trace",
    file: "server/operations/input/message-headers.ts",
    from: " && grown <= room",
    to: "",
    test: tracing("a post as large as it may be is taken, with as many contexts as there is room for"),
  },
  {
    guarantee: "The trace of a delete leads to the post, whichever process gave the message out",
    file: "server/tracing/post-contexts.ts",
    from: "unknown.length > 0",
    to: "unknown.length < 0",
    test: tracing("a delete finds the post of a message that was claimed elsewhere"),
  },
];
