/** The spans of what is done with messages, as OpenTelemetry's conventions for messaging name it. */
import { type Attributes, type Span, SpanKind } from "@opentelemetry/api";
import type { Access } from "../access/access.ts";
import type { Limits } from "../config.ts";
import { DomainError } from "../errors.ts";
import type { QueueAddress } from "../operations/input/addresses.ts";
import { chosenQueue } from "../operations/input/names.ts";
import type { MessageToPost } from "../operations/input/new-messages.ts";
import type { Operations } from "../operations/operations.ts";
import { TRACEPARENT } from "../storage/messages/message-headers.ts";
import { linksToGiven, type PostContexts, traceparentOf } from "./post-contexts.ts";
import { type Spans, setFailed } from "./spans.ts";

/** `type`: what the conventions call it. The kinds are those between which they expect links. */
const ACTS = {
  post: { type: "send", kind: SpanKind.PRODUCER },
  claim: { type: "receive", kind: SpanKind.CONSUMER },
  pop: { type: "receive", kind: SpanKind.CONSUMER },
  delete: { type: "settle", kind: SpanKind.INTERNAL },
} as const;
const COUNT = "messaging.batch.message_count";
/** Characters of a queue's name, which may be anything while nobody has checked it. */
const MAX_NAME = 64;

interface Parts {
  spans: Spans;
  limits: Limits;
  posted: PostContexts;
}

export function tracedOperations(operations: Operations, { spans, limits, posted }: Parts): Operations {
  const { messages, claims } = operations;

  /** Calls `work` with a span, or without one when the request has none that is sampled. */
  async function inSpan<T>(
    name: keyof typeof ACTS,
    address: QueueAddress | null,
    work: (span: Span | null) => Promise<T>,
  ): Promise<T> {
    const parent = spans.recording;
    if (parent === undefined) return work(null);
    const { type, kind } = ACTS[name];
    const attributes: Attributes = {
      "messaging.system": "isimud",
      "messaging.operation.name": name,
      "messaging.operation.type": type,
      ...(address === null ? {} : { "messaging.destination.name": address.queue }),
      ...(address?.project ? { "isimud.project": address.project } : {}),
    };
    const spanName = address === null ? name : `${name} ${address.queue.slice(0, MAX_NAME)}`;
    const span = spans.start(spanName, { kind, attributes }, parent);
    try {
      return await work(span);
    } catch (error) {
      setFailed(span, error instanceof DomainError ? error.code : "INTERNAL");
      throw error;
    } finally {
      span.end();
    }
  }

  /** For a post, whose messages keep the span's context unless the client gave them one. */
  function posting(span: Span, lists: readonly (readonly MessageToPost[])[]): { traceparent: string | null } {
    const all = lists.flat();
    const given = all.flatMap(({ headers }) => headers ?? []).filter(({ name }) => name === TRACEPARENT);
    span.setAttribute(COUNT, all.length).addLinks(linksToGiven(given.map(({ value }) => value)));
    return { traceparent: traceparentOf(span) };
  }

  /** For a delete, before its messages are gone. Nothing is looked up for a caller who may not delete them. */
  async function linkToPosts(span: Span, access: Access, address: QueueAddress, ids: readonly string[]): Promise<void> {
    let queue: ReturnType<typeof chosenQueue>;
    try {
      queue = chosenQueue(limits, access, "consume", address);
    } catch {
      // The operation says why.
      return;
    }
    span.addLinks(await posted.of(queue, ids.slice(0, limits.MAX_PAGE_SIZE)));
  }

  return {
    ...operations,
    messages: {
      ...messages,
      post: (access, params) =>
        inSpan("post", params, (span) =>
          messages.post(access, span === null ? params : { ...params, ...posting(span, [params.messages]) }),
        ),
      postToMany: (access, params) =>
        inSpan("post", null, async (span) => {
          if (span === null) return messages.postToMany(access, params);
          const context = posting(
            span,
            params.posts.map((post) => post.messages),
          );
          const posts = params.posts.map((post) => ({ ...post, ...context }));
          const outcomes = await messages.postToMany(access, { posts });
          const failed = outcomes.find((outcome) => "error" in outcome);
          if (failed !== undefined && "error" in failed) setFailed(span, failed.error.code);
          return outcomes;
        }),
      pop: (access, params) =>
        inSpan("pop", params, async (span) => {
          const popped = await messages.pop(access, params);
          span?.setAttribute(COUNT, popped.length).addLinks(posted.seen(popped));
          return popped;
        }),
      delete: (access, params) =>
        inSpan("delete", params, async (span) => {
          if (span !== null) {
            span.setAttribute("messaging.message.id", params.id);
            await linkToPosts(span, access, params, [params.id]);
          }
          return messages.delete(access, params);
        }),
      bulkDelete: (access, params) =>
        inSpan("delete", params, async (span) => {
          if (span !== null) {
            span.setAttribute(COUNT, params.ids.length);
            await linkToPosts(span, access, params, params.ids);
          }
          return messages.bulkDelete(access, params);
        }),
    },
    claims: {
      ...claims,
      create: (access, params) =>
        inSpan("claim", params, async (span) => {
          const taken = await claims.create(access, params);
          span?.setAttribute(COUNT, taken.messages.length).addLinks(posted.seen(taken.messages));
          return taken;
        }),
    },
  };
}
