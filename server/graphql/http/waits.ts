/** The requests whose clients still wait for an answer. */
import type { FastifyReply } from "fastify";
import type { Access } from "../../access/access.ts";

/** Why a signal aborted: nobody gets the answer any more. */
export const CLIENT_LEFT = new Error("The client has left.");

/** Why a signal aborted: the caller may no longer have what it asked for. */
export const RIGHTS_CHANGED = new Error("The rights of the caller have changed, or its token or session has ended.");

export interface Waits {
  /**
   * Aborts when the client of the request leaves, with the reason CLIENT_LEFT; when its token expires or its session
   * ends in any case, and at `endOf` for its caller, with RIGHTS_CHANGED; and at `end`. Always the same signal for a
   * reply.
   */
  signalOf(reply: FastifyReply, access: Access): AbortSignal;
  /** Whether rights of this request's caller have changed since it began to wait. False for one that does not wait. */
  isOutdated(reply: FastifyReply): boolean;
  /** The rights of these callers have changed: their streams end, and their long polls answer with what there is. */
  endOf(isConcerned: (access: Access) => boolean): void;
  /** The server begins to close: streams end and long polls answer with what there is. */
  end(): void;
}

/** So long a request may be on its way between the look at who asks and its wait: see SLOW_BODY_MS in http/server.ts. */
const ON_THE_WAY_MS = 1500;

export function createWaits(): Waits {
  const open = new Map<FastifyReply, { controller: AbortController; access: Access }>();
  let recent: { isConcerned: (access: Access) => boolean; at: number }[] = [];
  let ended = false;

  /** Whether rights of the caller changed after it was known who asks, perhaps. */
  function mayBeOutdated(access: Access): boolean {
    const since = performance.now() - ON_THE_WAY_MS;
    return recent.some(({ isConcerned, at }) => at >= since && isConcerned(access));
  }

  return {
    signalOf(reply, access) {
      const known = open.get(reply);
      if (known) return known.controller.signal;
      const controller = new AbortController();
      if (reply.raw.destroyed) controller.abort(CLIENT_LEFT);
      else if (ended) controller.abort();
      else {
        open.set(reply, { controller, access });
        if (mayBeOutdated(access)) controller.abort(RIGHTS_CHANGED);
        const stop = atExpiry(access, () => controller.abort(RIGHTS_CHANGED));
        reply.raw.once("close", () => {
          stop();
          open.delete(reply);
          controller.abort(CLIENT_LEFT);
        });
      }
      return controller.signal;
    },
    isOutdated: (reply) => open.get(reply)?.controller.signal.reason === RIGHTS_CHANGED,
    endOf(isConcerned) {
      const at = performance.now();
      recent = [...recent.filter((one) => one.at >= at - ON_THE_WAY_MS), { isConcerned, at }];
      for (const { controller, access } of open.values()) if (isConcerned(access)) controller.abort(RIGHTS_CHANGED);
    },
    end() {
      ended = true;
      for (const { controller } of open.values()) controller.abort();
    },
  };
}

/** Milliseconds that a timer can wait at a time: almost 25 days. */
const MAX_TIMEOUT = 2 ** 31 - 1;

/** Calls `expire` when the caller's token or session ends, until the function that it returns is called. */
function atExpiry({ token, sessionEndsAt }: Access, expire: () => void): () => void {
  const end = token?.expiresAt ?? sessionEndsAt;
  if (end === undefined) return () => undefined;
  const ends = end.getTime();
  let timer: NodeJS.Timeout;
  const wait = () => {
    const left = ends - Date.now();
    timer = setTimeout(left > MAX_TIMEOUT ? wait : expire, Math.min(left, MAX_TIMEOUT)).unref();
  };
  wait();
  return () => clearTimeout(timer);
}
