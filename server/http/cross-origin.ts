/** What a browser is told about pages of other sites that CORS_ORIGINS allows. They use tokens, never cookies. */
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Caller } from "../access/shell.ts";
import { DomainError } from "../errors.ts";

const ALLOWED_HEADERS =
  "authorization, content-type, apollo-require-preflight, last-event-id, traceparent, tracestate, x-cost";
/** Those that a page may read, beside the harmless ones that every page may. */
const EXPOSED_HEADERS =
  "content-disposition, ratelimit, ratelimit-policy, retry-after, www-authenticate, x-isimud-build, x-request-id";
/** Seconds for which a browser need not ask again. */
const REMEMBER_SECONDS = "600";

/**
 * Lets the page that sent the request read the answer of the API. True: the browser only asked whether it may send it,
 * and that is answered. FORBIDDEN for the routes of sign-in, which are for our own pages.
 */
export function allowOrigin(
  request: FastifyRequest,
  reply: FastifyReply,
  { foreignOrigin }: Caller,
  isSignIn: boolean,
): boolean {
  if (foreignOrigin === null) return false;
  if (isSignIn) {
    throw new DomainError("FORBIDDEN", "A page of another site uses a token. Nobody signs in from there.");
  }
  reply.headers({
    "access-control-allow-origin": foreignOrigin,
    "access-control-expose-headers": EXPOSED_HEADERS,
    vary: "origin",
  });
  if (request.method !== "OPTIONS" || request.headers["access-control-request-method"] === undefined) return false;
  reply
    .code(204)
    .headers({
      "access-control-allow-methods": "GET, POST",
      "access-control-allow-headers": ALLOWED_HEADERS,
      "access-control-max-age": REMEMBER_SECONDS,
    })
    .send();
  return true;
}
