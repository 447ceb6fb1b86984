import { type Link, type Span, TraceFlags } from "@opentelemetry/api";
import { parseTraceParent } from "@opentelemetry/core";
import { LRUCache } from "lru-cache";
import { entriesUpTo } from "../entry-limit.ts";
import type { Message, MessageController } from "../storage/data-driver.ts";
import { withDeadline } from "../storage/deadlines/deadline.ts";
import { TRACEPARENT } from "../storage/messages/message-headers.ts";
import type { QueueRef } from "../storage/queue-ref.ts";

/** Messages whose context is remembered, of about 200 bytes each. */
const MOST_SEEN = 20_000;
/** A look-up reads bodies too. Messages beyond these bytes get no link. */
const LOOKED_UP_BYTES = 262_144;
/** A delete waits no longer for a look-up. */
const LOOK_UP_MS = 200;

/**
 * In which contexts messages were posted, so that what is done with them later can link there. Their headers keep it. A
 * delete is only given ids: what was claimed here is remembered; other messages are read before they are deleted. Losing
 * what is remembered only costs such a read.
 */
export class PostContexts {
  readonly #messages: Pick<MessageController, "bulkGet">;
  /** By the message's id. "": it has none. */
  readonly #seen = new LRUCache<string, string>(entriesUpTo(MOST_SEEN));

  constructor(messages: Pick<MessageController, "bulkGet">) {
    this.#messages = messages;
  }

  /** Links to the posts of messages that were read, and remembers them. */
  seen(messages: readonly Pick<Message, "id" | "headers">[]): Link[] {
    for (const { id, headers } of messages) this.#seen.set(id, headers?.[TRACEPARENT] ?? "");
    return linksTo(messages);
  }

  /** The same for messages of which only the ids are known. Never throws: then there are fewer links. */
  async of(queue: QueueRef, ids: readonly string[]): Promise<Link[]> {
    const unknown = ids.filter((id) => !this.#seen.has(id));
    if (unknown.length > 0) {
      const reading = this.#messages.bulkGet({ queue, ids: unknown, maxBytes: LOOKED_UP_BYTES });
      this.seen(await withDeadline(reading, LOOK_UP_MS, () => []).catch(() => []));
    }
    return ids.flatMap((id) => linkTo(id, this.#seen.get(id)));
  }
}

const linksTo = (messages: readonly Pick<Message, "id" | "headers">[]) =>
  messages.flatMap(({ id, headers }) => linkTo(id, headers?.[TRACEPARENT]));

function linkTo(id: string, traceparent: string | undefined): Link[] {
  const context = traceparent === undefined ? null : parseTraceParent(traceparent);
  if (context === null) return [];
  return [{ context: { ...context, isRemote: true }, attributes: { "messaging.message.id": id } }];
}

/** Links to the contexts that clients gave to their messages. */
export function linksToGiven(traceparents: readonly string[]): Link[] {
  return [...new Set(traceparents)].flatMap((traceparent) => {
    const context = parseTraceParent(traceparent);
    return context === null ? [] : [{ context: { ...context, isRemote: true } }];
  });
}

/** What a message that is posted in this span keeps. Null: the span is not sampled. */
export function traceparentOf(span: Span): string | null {
  const { traceId, spanId, traceFlags } = span.spanContext();
  return (traceFlags & TraceFlags.SAMPLED) === 0 ? null : `00-${traceId}-${spanId}-01`;
}
