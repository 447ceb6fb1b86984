/** Where a redrive or a move takes each message, and why one stays. */
import { DomainError } from "../../errors.ts";
import type { MessageAction } from "../../jobs/dry-run.ts";
import type { LeftWhy } from "../../jobs/job.ts";
import type { Message } from "../../storage/data-driver.ts";
import { messageBytes } from "../../storage/messages/message-headers.ts";
import type { QueueRef } from "../../storage/queue-ref.ts";
import type { OperationContext } from "../context.ts";
import type { QueueLookup } from "../lifecycle/queue-lookup.ts";

export type Transfer = Extract<MessageAction, { kind: "redriveMessages" | "moveMessages" }>;
/** `to` null: nobody knows where it came from. `why` null: it can go there. */
export type Route = { message: Message; to: QueueRef | null; why: LeftWhy | null };

export type Destinations = (action: Transfer, from: QueueRef, messages: readonly Message[]) => Promise<Route[]>;

/** QUEUE_DOES_NOT_EXIST when the action names a queue that is missing. */
export function createDestinations(
  { control }: Pick<OperationContext, "control">,
  { lookup }: { lookup: QueueLookup },
): Destinations {
  /** The only queue that uses this one as its dead letter queue. */
  async function onlyUser(queue: QueueRef): Promise<string | null> {
    const [users = []] = await control.queues.listByDeadLetterQueues({ queues: [queue], limit: 2 });
    return users.length === 1 ? (users[0] as string) : null;
  }

  return async (action, from, messages) => {
    const named = namedTarget(action, from);
    const isUnknown = named === null && messages.some(({ deadLettered }) => deadLettered === null);
    const fallback = isUnknown ? await onlyUser(from) : null;
    const targets = messages.map(({ deadLettered }): QueueRef | null => {
      if (named !== null) return named;
      const name = deadLettered?.queue ?? fallback;
      return name === null || name === from.name ? null : { project: from.project, name };
    });
    const known = new Map(targets.flatMap((target) => (target === null ? [] : [[target.name, target] as const])));
    const attributes = await lookup.find([...known.values()]);
    const byName = new Map([...known.keys()].map((name, index) => [name, attributes[index] ?? null]));
    if (named !== null && byName.get(named.name) === null) throw targetMissing(named);
    return messages.map((message, index): Route => {
      const to = targets[index] ?? null;
      if (to === null) return { message, to, why: "sourceUnknown" };
      const there = byName.get(to.name) ?? null;
      if (there === null) return { message, to, why: "sourceMissing" };
      return { message, to, why: messageBytes(message) > there.maxMessagesPostBytes ? "tooLarge" : null };
    });
  };
}

/** The queue that the action names; null: each message has its own. */
export function namedTarget(action: Transfer, from: QueueRef): QueueRef | null {
  if (action.kind === "moveMessages") return action.to;
  return action.to === null ? null : { project: from.project, name: action.to };
}

export function targetMissing({ project, name }: QueueRef): DomainError {
  return new DomainError("QUEUE_DOES_NOT_EXIST", `Queue ${name}, where the messages are to go, does not exist.`, {
    details: { project, queue: name },
  });
}
