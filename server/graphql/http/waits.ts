/** The requests whose clients still wait for an answer. */
import type { FastifyReply } from "fastify";

export interface Waits {
  /** Aborts when the client of the request leaves, or at `end`. Always the same signal for a reply. */
  signalOf(reply: FastifyReply): AbortSignal;
  /** The server begins to close: streams end and long polls answer with what there is. */
  end(): void;
}

export function createWaits(): Waits {
  const open = new Map<FastifyReply, AbortController>();
  let ended = false;
  return {
    signalOf(reply) {
      const known = open.get(reply);
      if (known) return known.signal;
      const controller = new AbortController();
      if (ended || reply.raw.destroyed) controller.abort();
      else {
        open.set(reply, controller);
        reply.raw.once("close", () => {
          open.delete(reply);
          controller.abort();
        });
      }
      return controller.signal;
    },
    end() {
      ended = true;
      for (const controller of open.values()) controller.abort();
    },
  };
}
