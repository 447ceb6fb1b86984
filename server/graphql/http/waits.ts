/** The requests whose clients still wait for an answer. */
import type { FastifyReply } from "fastify";

/** Why a signal aborted: nobody gets the answer any more. */
export const CLIENT_LEFT = new Error("The client has left.");

export interface Waits {
  /**
   * Aborts when the client of the request leaves, with the reason CLIENT_LEFT, or at `end`. Always the same signal for
   * a reply.
   */
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
      if (reply.raw.destroyed) controller.abort(CLIENT_LEFT);
      else if (ended) controller.abort();
      else {
        open.set(reply, controller);
        reply.raw.once("close", () => {
          open.delete(reply);
          controller.abort(CLIENT_LEFT);
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
