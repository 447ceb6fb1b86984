/** How drivers recognise that an idempotency key comes again with the same request. */
import { createHash } from "node:crypto";
import { DomainError } from "../errors.ts";

/** SHA-256, in hex, of the request as JSON. A move copies digests, so all drivers must build the same JSON. */
export const digest = (request: unknown) => createHash("sha256").update(JSON.stringify(request)).digest("hex");

export function keyReused(key: string): DomainError {
  return new DomainError(
    "IDEMPOTENCY_KEY_REUSED",
    "This idempotencyKey was used for a different request. Use a new key for a new request.",
    { details: { idempotencyKey: key } },
  );
}
