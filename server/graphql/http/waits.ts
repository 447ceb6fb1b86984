/** The requests whose clients still wait for an answer. */
import type { FastifyReply } from "fastify";
import type { Access } from "../../access/access.ts";

/** Why a signal aborted: nobody gets the answer any more. */
export const CLIENT_LEFT = new Error("The client has left.");

export interface Waits {
  /**
   * Aborts when the client of the request leaves, with the reason CLIENT_LEFT, when its token expires, at `endOf` for
   * its caller, or at `end`. Always the same signal for a reply.
   */
  signalOf(reply: FastifyReply, access: Access): AbortSignal;
  /** The rights of these callers have changed: their streams end, and their long polls answer with what there is. */
  endOf(isConcerned: (access: Access) => boolean): void;
  /** The server begins to close: streams end and long polls answer with what there is. */
  end(): void;
}

export function createWaits(): Waits {
  const open = new Map<FastifyReply, { controller: AbortController; access: Access }>();
  let ended = false;
  return {
    signalOf(reply, access) {
      const known = open.get(reply);
      if (known) return known.controller.signal;
      const controller = new AbortController();
      if (reply.raw.destroyed) controller.abort(CLIENT_LEFT);
      else if (ended) controller.abort();
      else {
        open.set(reply, { controller, access });
        const expiry = atExpiry(access, () => controller.abort());
        reply.raw.once("close", () => {
          clearTimeout(expiry);
          open.delete(reply);
          controller.abort(CLIENT_LEFT);
        });
      }
      return controller.signal;
    },
    endOf(isConcerned) {
      for (const { controller, access } of open.values()) if (isConcerned(access)) controller.abort();
    },
    end() {
      ended = true;
      for (const { controller } of open.values()) controller.abort();
    },
  };
}

/** Milliseconds that a timer can wait. A stream that lasts for longer outlives its token. */
const MAX_TIMEOUT = 2 ** 31 - 1;

function atExpiry({ token }: Access, expire: () => void): NodeJS.Timeout | undefined {
  if (token === undefined || token.expiresAt === null) return undefined;
  const left = token.expiresAt.getTime() - Date.now();
  return left > MAX_TIMEOUT ? undefined : setTimeout(expire, left).unref();
}
